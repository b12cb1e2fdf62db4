/**
 * The epoch of a master that leads whenever it has its store: a number that grows with every mandate. Peers outlive their
 * master, and some outlive its store too (a folder that was emptied, a mode that was changed), and none takes orders of
 * an epoch below the greatest that it has heard of; so an epoch is never below the seconds that the clock on the wall
 * shows, and where the store has one, above that.
 */
import { MAX_EPOCH } from './limits.js'

/** Where the store keeps it: eight bytes, a little endian number; no Record. */
export const EPOCH_KEY = 'magneto_epoch'

const EPOCH_BYTES = 8

/** @returns the epoch, or why there is none in the bytes */
export function readEpoch(bytes: Uint8Array): number | string {
  if (bytes.byteLength !== EPOCH_BYTES) return `it has ${bytes.byteLength} bytes`
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const epoch = view.getBigUint64(0, true)
  return epoch >= MAX_EPOCH ? `${epoch} is no epoch` : Number(epoch)
}

export function writeEpoch(epoch: number): Uint8Array {
  const bytes = new Uint8Array(EPOCH_BYTES)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(epoch), true)
  return bytes
}

/** @param last the greatest that is known; 0: none @param nowMs wall clock, ms since 1970 */
export function nextEpoch(last: number, nowMs: number): number {
  const seconds = Math.min(MAX_EPOCH - 1, Math.max(0, Math.floor(nowMs / 1000)))
  return Math.max(last + 1, seconds)
}
