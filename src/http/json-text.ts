/** JSON laid out as Spark's pages print it (spec U19): two spaces, ` : `, arrays on one line with their objects. */

export type Json = string | number | boolean | null | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [name: string]: Json
}

export function prettyJson(value: Json, indent = ''): string {
  if (Array.isArray(value)) {
    const items = value as readonly Json[]
    if (items.length === 0) return '[ ]'
    return `[ ${items.map((item) => prettyJson(item, indent)).join(', ')} ]`
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = Object.entries(value)
  if (fields.length === 0) return '{ }'
  const inner = `${indent}  `
  const lines = fields.map(
    ([name, field]) => `${inner}${JSON.stringify(name)} : ${prettyJson(field, inner)}`,
  )
  return `{\n${lines.join(',\n')}\n${indent}}`
}

/** A list whose items are made when the text comes to them. */
export type JsonItems = () => Iterable<Json>

/** The pieces of what `prettyJson` makes of an object with these fields: each item of a list that is made so is one. */
export function* prettyJsonPieces(
  fields: Iterable<readonly [name: string, value: Json | JsonItems]>,
): Generator<string, void> {
  let before = '{'
  for (const [name, value] of fields) {
    const head = `${before}\n  ${JSON.stringify(name)} : `
    before = ','
    if (typeof value !== 'function') yield head + prettyJson(value, '  ')
    else {
      yield head
      yield* listPieces(value())
    }
  }
  yield before === '{' ? '{ }' : '\n}'
}

function* listPieces(items: Iterable<Json>): Generator<string, void> {
  let before = '[ '
  for (const item of items) {
    yield before + prettyJson(item, '  ')
    before = ', '
  }
  yield before === '[ ' ? '[ ]' : ' ]'
}
