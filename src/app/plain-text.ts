/**
 * Small plain values as JSON: what most tasks take and return. V8 needs a serializer and a buffer for each value, which cost
 * many times more than such a value itself, in time and in memory while it waits.
 */
import { types } from 'node:util'

/** Larger values are V8's: its cost for each is then paid once for much. */
const MAX_VALUES = 64
const MAX_OBJECTS = 16
const MAX_STRING = 1024
const MAX_TEXT = 16 * 1024

interface Seen {
  readonly objects: object[]
  values: number
}

/** Only what comes back from JSON exactly as it comes back from a structured clone. */
function isPlain(value: unknown, seen: Seen): boolean {
  if (++seen.values > MAX_VALUES) return false
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
    case 'string':
      return value.length <= MAX_STRING
    case 'boolean':
      return true
    case 'object':
      return value === null || isPlainObject(value, seen)
    default:
      return false
  }
}

function isPlainObject(value: object, seen: Seen): boolean {
  // What is met twice must be one object again at the other end, and may be a cycle.
  if (seen.objects.length >= MAX_OBJECTS || seen.objects.includes(value)) return false
  if ('toJSON' in value || types.isProxy(value)) return false
  seen.objects.push(value)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Array.prototype) return isPlainArray(value as unknown[], seen)
  if (prototype !== Object.prototype) return false
  const fields = value as Record<string, unknown>
  for (const key in fields) if (!isPlain(fields[key], seen)) return false
  return true
}

/** No holes, and no properties besides its elements. */
function isPlainArray(value: unknown[], seen: Seen): boolean {
  if (value.length > MAX_VALUES || Object.keys(value).length !== value.length) return false
  return value.every((each) => isPlain(each, seen))
}

/**
 * Accessors are read twice.
 *
 * @returns JSON; null when it would not be the same value again, or is large
 */
export function plainText(value: unknown): string | null {
  if (!isPlain(value, { objects: [], values: 0 })) return null
  const text = JSON.stringify(value)
  return text.length <= MAX_TEXT ? text : null
}
