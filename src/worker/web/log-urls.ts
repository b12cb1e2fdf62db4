/** Where the logs of executors and drivers can be read, for those who show links to them (W21, E18, E19). Pure. */

/** Whose logs: `<work>/<appId>/<executorId>` or `<work>/<driverId>`. */
export type LogOwner = { appId: string; executorId: number } | { driverId: string }

export interface LogUrls {
  stdout: string
  stderr: string
}

/** The parameters that lead to a log. @param owner null: the worker itself */
export function logQuery(owner: LogOwner | null, logType: string): URLSearchParams {
  if (owner === null) return new URLSearchParams({ self: '', logType })
  if ('driverId' in owner) return new URLSearchParams({ driverId: owner.driverId, logType })
  const { appId, executorId } = owner
  return new URLSearchParams({ appId, executorId: String(executorId), logType })
}

/** @param webUiUrl of this worker, such as `http://host:8081`, without a slash at its end */
export function logUrls(webUiUrl: string, owner: LogOwner): LogUrls {
  const of = (logType: string): string => `${webUiUrl}/logPage/?${String(logQuery(owner, logType))}`
  return { stdout: of('stdout'), stderr: of('stderr') }
}

/** `SPARK_LOG_URL_*` for an executor (E18), `SPARK_DRIVER_LOG_URL_*` for a driver (E19). */
export function logUrlVariables(webUiUrl: string, owner: LogOwner): Record<string, string> {
  const { stdout, stderr } = logUrls(webUiUrl, owner)
  const prefix = 'driverId' in owner ? 'SPARK_DRIVER_LOG_URL' : 'SPARK_LOG_URL'
  return { [`${prefix}_STDOUT`]: stdout, [`${prefix}_STDERR`]: stderr }
}
