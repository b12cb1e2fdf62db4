/** What a server of pages is given of a web UI's rules, in the thread that serves them. */
import type { PageServerOptions } from '../http/page-server.js'
import type { Logger } from '../log/logger.js'
import { AccessGate } from './access.js'
import { SystemGroups } from './groups.js'
import type { WebSecurity } from './web-security.js'

type PageSecurity = Pick<PageServerOptions, 'gate' | 'headers' | 'showErrorStacks' | 'secure'>

export function pageSecurity(
  { access, headers, showErrorStacks, secure }: WebSecurity,
  log: Logger,
): PageSecurity {
  const groups = new SystemGroups({
    onFailure: (user, { message }) => log.warn(`${user} counts as being in no group: ${message}`),
  })
  const groupsOf = access.acls?.groups
    ? (user: string) => groups.of(user)
    : async () => new Set<string>()
  const open = access.tokens === null && access.acls === null
  return {
    headers,
    showErrorStacks,
    ...(open ? {} : { gate: new AccessGate({ ...access, groupsOf }) }),
    ...(secure === null ? {} : { secure }),
  }
}

/** Of a server that is started in place of one that died. @param securePort where that one was; null: nowhere */
export function securityOnPort(security: WebSecurity, securePort: number | null): WebSecurity {
  const { secure } = security
  if (secure === null || securePort === null) return security
  return { ...security, secure: { ...secure, port: securePort } }
}
