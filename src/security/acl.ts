/** Who may do what (spec P50), as Spark's SecurityManager decides it. Pure but for the look at groups. */

export interface Acl {
  readonly users: readonly string[]
  readonly groups: readonly string[]
}

export interface AclRules {
  readonly view: Acl
  readonly modify: Acl
  readonly admin: Acl
  /** Whether groups are looked up; false: nobody is in any. */
  readonly groups: boolean
}

/** @returns the groups that a user is in; none when they can't be told */
export type GroupsOf = (user: string) => Promise<ReadonlySet<string>>

/** All of them, among users and among groups. */
const EVERYBODY = '*'

/** @param user null: nobody has said who asks, and whoever that is may, as in Spark */
export async function isAllowed(
  user: string | null,
  acl: Acl,
  groupsOf: GroupsOf,
): Promise<boolean> {
  const { users, groups } = acl
  if (user === null || users.includes(EVERYBODY) || users.includes(user)) return true
  if (groups.includes(EVERYBODY)) return true
  if (groups.length === 0) return false
  const own = await groupsOf(user)
  return groups.some((group) => own.has(group))
}
