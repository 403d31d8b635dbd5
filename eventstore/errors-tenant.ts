import { HoldfastError } from '../errors/holdfast-error.ts';

/** Thrown when a tenant is to be created whose id belonged to one that was dropped, or is being dropped or imported. */
export class TenantTakenError extends HoldfastError {
  readonly tenant: string;
  /** `dropping`, `dropped`, or another state in which nobody can work with it. */
  readonly state: string;
  constructor(tenant: string, state: string) {
    super('TENANT_TAKEN', `Tenant "${tenant}" cannot be created: one of that id is ${state}.`, {
      hint:
        state === 'dropped'
          ? 'Choose another id: what is still under way for the dropped tenant must not end up in a new one.'
          : 'Wait until that has ended, or choose another id.',
    });
    this.tenant = tenant;
    this.state = state;
  }
}

/** Thrown when the id or the quota of a tenant is not one. */
export class InvalidTenantError extends HoldfastError {
  constructor(message: string) {
    super('INVALID_TENANT', message);
  }
}
