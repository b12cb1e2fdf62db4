/** Every bound of the rooms that elect. Times are ms. */

/** The pause before a store that failed is opened again doubles between these. */
export const MIN_RETRY_DELAY_MS = 1000
export const MAX_RETRY_DELAY_MS = 30_000

/** A mandate that lasted so long starts the row of failures anew. */
export const MANDATE_PROVEN_MS = 60_000

/** The control protocol has 32 bits for an epoch. */
export const MAX_EPOCH = 2 ** 32 - 1
