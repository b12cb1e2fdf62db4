/** A property of the whole cluster is broken. */
export class Violation extends Error {
  override readonly name = 'Violation'
}
