/** What the main thread may fail to give; both become 503 with the reason. */

/** No view came: the master is too busy or stopping. */
export class ViewUnavailable extends Error {}

/** The command did not get its answer; whether the master carried it out is open. */
export class CommandFailed extends Error {}
