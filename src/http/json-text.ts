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
