export { makeStackFolder, removeStackFolder } from '../../chaos/private-folder.ts';
