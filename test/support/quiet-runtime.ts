import { DefaultLogger, Runtime } from '@temporalio/worker';

// Once per process and before the first worker: state changes of workers would bury what a failing test says.
Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
