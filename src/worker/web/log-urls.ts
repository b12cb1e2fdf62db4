/** Where the logs of executors and drivers can be read, for those who show links to them (W21, E18, E19). Pure. */

/** Whose logs: `<work>/<appId>/<executorId>` or `<work>/<driverId>`. */
export type LogOwner = { appId: string; executorId: number } | { driverId: string }

export interface LogUrls {
  stdout: string
  stderr: string
}

/** @param webUiUrl of this worker, such as `http://host:8081`, without a slash at its end */
export function logUrls(webUiUrl: string, owner: LogOwner): LogUrls {
  const query =
    'driverId' in owner
      ? { driverId: owner.driverId }
      : { appId: owner.appId, executorId: String(owner.executorId) }
  const of = (logType: string): string =>
    `${webUiUrl}/logPage/?${String(new URLSearchParams({ ...query, logType }))}`
  return { stdout: of('stdout'), stderr: of('stderr') }
}

/** `SPARK_LOG_URL_*` for an executor (E18), `SPARK_DRIVER_LOG_URL_*` for a driver (E19). */
export function logUrlVariables(webUiUrl: string, owner: LogOwner): Record<string, string> {
  const { stdout, stderr } = logUrls(webUiUrl, owner)
  const prefix = 'driverId' in owner ? 'SPARK_DRIVER_LOG_URL' : 'SPARK_LOG_URL'
  return { [`${prefix}_STDOUT`]: stdout, [`${prefix}_STDERR`]: stderr }
}
