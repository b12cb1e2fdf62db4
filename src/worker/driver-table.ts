/** Drivers on the cluster that this worker hosts. */

/** Each is a process of its own that submits work for others; more than a machine can bear. */
export const MAX_DRIVERS = 1024
