/**
 * Who may see the web UI (spec X3): the filter that checks tokens (P49) comes first, then who asks, perhaps as somebody else,
 * then whether they may see it (P50).
 */
import type { IncomingMessage } from 'node:http'

import { plain, type Answer } from '../http/answer.js'
import type { Gate, Visitor } from '../http/route.js'
import { isAllowed, type AclRules, type GroupsOf } from './acl.js'
import { judgeToken, type TokenRules } from './signed-token.js'

export interface AccessRules {
  /** null: nobody needs one. */
  readonly tokens: TokenRules | null
  /** null: spark.acls.enable is false, and whoever gets in may do everything. */
  readonly acls: AclRules | null
}

export interface AccessOptions extends AccessRules {
  readonly groupsOf: GroupsOf
  /** For tests; since the epoch. */
  readonly nowMs?: () => number
}

type Admission = Awaited<ReturnType<Gate['admit']>>

function refused(reason: string): { refusal: Answer } {
  return { refusal: plain(403, reason) }
}

export class AccessGate implements Gate {
  readonly #options: AccessOptions

  constructor(options: AccessOptions) {
    this.#options = options
  }

  async admit({
    headers,
    url = '/',
  }: Pick<IncomingMessage, 'headers' | 'url'>): Promise<Admission> {
    const { tokens, acls, nowMs = Date.now } = this.#options
    let user: string | null = null
    if (tokens !== null) {
      const verdict = judgeToken(headers.authorization, tokens, nowMs())
      if (verdict.refusal !== null) return refused(verdict.refusal)
      user = verdict.user
    }
    if (acls === null) return { visitor: visitorOf(user, async () => true) }
    // Nobody in particular may do everything, as in Spark; but not where everybody has to say who they are.
    if (tokens !== null && user === null) {
      return refused('the token names no user (claim sub), and spark.acls.enable asks for one')
    }
    const other = doAs(url)
    if (other !== null && other !== user && !(await this.#may(user, acls.admin)))
      return refused(`User ${user} is not allowed to impersonate others.`)
    const effective = other ?? user
    if (!(await this.#may(effective, acls.view)))
      return refused(`User ${effective} is not authorized to access this page.`)
    return { visitor: visitorOf(effective, () => this.#may(effective, acls.modify)) }
  }

  #may(user: string | null, acl: AclRules['view']): Promise<boolean> {
    return isAllowed(user, acl, this.#options.groupsOf)
  }
}

function visitorOf(user: string | null, mayModify: () => Promise<boolean>): Visitor {
  return { user, mayModify }
}

/** @returns in whose name a proxy asks; null: in that of who has sent the request */
function doAs(target: string): string | null {
  const at = target.indexOf('?')
  return at < 0 ? null : new URLSearchParams(target.slice(at + 1)).get('doAs')
}
