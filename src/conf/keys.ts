/**
 * Every key the daemons read, with its default, its parser and where the specification names it. Values come
 * out in the unit that the property's name ends with: ms, bytes, MiB (`Mb`).
 */
import type { ConfKey } from './configuration.js'
import {
  apacheWorkerKeys,
  masterFaceKeys,
  recoveryKeys,
  schedulingKeys,
  workerTimeoutMs,
} from './keys-master.js'
import { networkKeys, securityKeys, webKeys } from './keys-shared.js'
import { executorLogKeys, workerKeys } from './keys-worker.js'

export type { ConfKey } from './configuration.js'

export const keys = {
  ...recoveryKeys,
  workerTimeoutMs,
  ...schedulingKeys,
  ...apacheWorkerKeys,
  ...masterFaceKeys,
  ...workerKeys,
  ...executorLogKeys,
  ...networkKeys,
  ...webKeys,
  ...securityKeys,
}

export const allKeys: readonly ConfKey<unknown>[] = Object.values(keys)
