/** Whether what we write to a Spark process is what Apache's Master wrote to it. */
import { expect } from 'vitest'
import { readJavaStream } from '../../src/spark/java/reader.js'
import {
  BlockData,
  JavaArray,
  JavaEnum,
  JavaObject,
  JavaString,
} from '../../src/spark/java/tree.js'
import type { JavaValue } from '../../src/spark/java/tree.js'
import {
  classNameOf,
  fieldOf,
  findField,
  moduleName,
  objectOf,
} from '../../src/spark/java/values.js'

type Fields = Readonly<Record<string, unknown>>

export function resources(value: unknown): { name: string; addresses: string[] }[] {
  const entries = (value as { Map?: [string, { name: string; addresses: string[] }][] }).Map ?? []
  return entries.map(([, { name, addresses }]) => ({ name, addresses }))
}

/** What stands for an exception of a cluster: the text that Java shows of it (Y8). */
export function exceptionText(className: string, message: unknown): string {
  const text = typeof message === 'string' ? message : ''
  return className === 'java.lang.Exception' ? text : `${className}: ${text}`
}

/** What a value says to its reader: without the sharing of nodes and what readers don't look at. */
function meaning(value: JavaValue | Uint8Array): unknown {
  if (value instanceof JavaString) return value.value
  if (value instanceof JavaEnum) return value.name.value
  if (value instanceof JavaArray)
    return [value.descriptor.name, ...[...value.elements].map(meaning)]
  if (!(value instanceof JavaObject)) return value
  const name = value.descriptor.name
  if (moduleName(value) !== null) return moduleName(value)
  if (name === 'scala.Enumeration$Val') {
    return [classNameOf(objectOf(fieldOf(value, '$outer'))), fieldOf(value, 'i')]
  }
  if (name.endsWith('Exception')) {
    const message = meaning(fieldOf(value, 'detailMessage') ?? findField(value, 'file') ?? null)
    return exceptionText(name, message)
  }
  const parts: Record<string, unknown> = { class: name, suid: value.descriptor.serialVersionUid }
  for (const [index, owner] of value.descriptor.lineage.entries()) {
    for (const [field, { name: fieldName }] of owner.fields.entries()) {
      parts[fieldName] = meaning(value.data[index]!.values[field]!)
    }
    const items = value.data[index]!.custom ?? []
    if (items.length > 0) {
      parts[`written by ${owner.name}`] = items.map((item) =>
        item instanceof BlockData ? Buffer.from(item.bytes).toString('hex') : meaning(item),
      )
    }
  }
  return parts
}

const WITHOUT_MASTER = /^(Submit|Kill|KillAll)Drivers?Response$/

/**
 * Why we write other bytes than Apache's Master. What is listed must differ, all else must not.
 * - submit clients never send a master ref, so that the version of its class isn't known: they get null
 * - Scala 2.12 writes an enumeration's whole content along with a value; we write it empty
 * - exceptions come without the stack trace of a JVM
 * - the JVM happens to have the name of an assigned resource as one object in two places
 */
function reasonToDiffer(kind: string, version: string, fields: Fields): string | null {
  if (WITHOUT_MASTER.test(kind)) return 'null master'
  if (kind === 'DriverStatusResponse' && fields['exception'] !== null) return 'stack trace'
  if (kind === 'LaunchExecutor' && resources(fields['resources']).length > 0) return 'shared name'
  if (version !== '3.5') return null
  const hasState = kind === 'ExecutorUpdated' || kind === 'DriverStatusResponse'
  return hasState && fields['state'] !== null ? 'enumeration content' : null
}

export function expectSame(
  kind: string,
  written: Uint8Array,
  captured: { readonly bytes: Uint8Array; readonly fields: Fields },
  version: string,
): void {
  const theirs = Buffer.from(captured.bytes).toString('latin1')
  const ours = Buffer.from(written).toString('latin1')
  const reason = reasonToDiffer(kind, version, captured.fields)
  if (reason === null) {
    expect(ours).toBe(theirs)
    return
  }
  expect(ours, `${kind}: ${reason}`).not.toBe(theirs)
  expectSameMeaning(kind, written, captured.bytes)
}

/** Whether both say the same to their reader, wherever they share equal strings and objects. */
export function expectSameMeaning(kind: string, written: Uint8Array, bytes: Uint8Array): void {
  const expected = meaning(readJavaStream(bytes).root)
  if (WITHOUT_MASTER.test(kind)) (expected as Record<string, unknown>)['master'] = null
  expect(meaning(readJavaStream(written).root)).toEqual(expected)
}
