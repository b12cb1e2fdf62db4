/** Whose log a request asks for (U9, U24, U25). Pure. */
import { BadLogRequest } from '../../log-files/page.js'
import type { LogOwner } from './log-urls.js'

export interface LogRequest {
  /** null: the worker itself. */
  owner: LogOwner | null
  logType: string
}

const FORM =
  'expected appId, executorId and logType=stdout or stderr; or driverId and such a logType; or self and logType=out'

/** @throws BadLogRequest */
export function readLogRequest(parameters: URLSearchParams): LogRequest {
  const owner = ownerOf(parameters)
  const logType = parameters.get('logType')
  const allowed = owner === null ? ['out'] : ['stdout', 'stderr']
  if (logType === null) throw new BadLogRequest(`logType is missing: ${FORM}`)
  if (!allowed.includes(logType)) {
    throw new BadLogRequest(`logType is ${JSON.stringify(logType)}: ${FORM}`)
  }
  return { owner, logType }
}

function ownerOf(parameters: URLSearchParams): LogOwner | null {
  const appId = parameters.get('appId')
  const executorId = parameters.get('executorId')
  const driverId = parameters.get('driverId')
  const self = parameters.get('self')
  if (appId !== null && executorId !== null && driverId === null && self === null) {
    if (!/^\d{1,10}$/.test(executorId)) {
      throw new BadLogRequest(
        `executorId is ${JSON.stringify(executorId)}: expected a whole number`,
      )
    }
    return { appId, executorId: Number(executorId) }
  }
  if (appId !== null || executorId !== null || (driverId !== null) === (self !== null)) {
    throw new BadLogRequest(`it does not name one executor, driver or worker: ${FORM}`)
  }
  return driverId === null ? null : { driverId }
}

export function ownerName(owner: LogOwner | null): string {
  if (owner === null) return 'this worker'
  return 'driverId' in owner ? owner.driverId : `${owner.appId}/${owner.executorId}`
}
