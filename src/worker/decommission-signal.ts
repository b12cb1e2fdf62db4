/** The operator's signal that takes this worker out of service (D1, P39, P62). */
import type { Configuration } from '../conf/configuration.js'
import { keys } from '../conf/keys.js'
import type { Logger } from '../log/logger.js'

/**
 * Without spark.decommission.enabled the signal is still caught: left alone it would end the worker, and with it all
 * executors that its sender wants to spare.
 *
 * @returns what ends the listening
 */
export function listenForDecommission(
  configuration: Configuration,
  log: Logger,
  onDecommission: () => void,
): () => void {
  const enabled = configuration.read(keys.decommissionEnabled)
  const signal = `SIG${configuration.read(keys.workerDecommissionSignal)}` as NodeJS.Signals
  const onSignal = (): void => {
    if (enabled) return onDecommission()
    log.warn(`${signal} changes nothing: set spark.decommission.enabled=true to decommission by it`)
  }
  try {
    process.on(signal, onSignal)
  } catch (error) {
    // Not every system has each of them.
    log.warn(`no decommission by ${signal} on this system: ${(error as Error).message}`)
  }
  return () => void process.off(signal, onSignal)
}
