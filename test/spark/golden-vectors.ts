import { readFileSync, readdirSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

const FOLDER = new URL('../fixtures/wire/', import.meta.url)

/** What one version of Spark serialized by itself. */
export interface Sample {
  readonly name: string
  readonly bytes: Uint8Array
}

/** The Java stream of one frame between Apache's processes. */
export interface Captured {
  readonly connection: string
  /** c2s: from the process that dialled. */
  readonly direction: 'c2s' | 's2c'
  readonly message: string | undefined
  readonly fields: Readonly<Record<string, unknown>>
  readonly value: unknown
  readonly bytes: Uint8Array
}

export const RELEASES = ['3.5.9', '4.0.1', '4.1.4', '4.2.1', '4.3.0'] as const
export type Release = (typeof RELEASES)[number]

type Row = Record<string, unknown> & { readonly hex: string }

function rows(name: string): Row[] {
  const text = gunzipSync(readFileSync(new URL(`${name}.jsonl.gz`, FOLDER))).toString()
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Row)
}

export function samples(release: Release): Sample[] {
  return rows(`samples-${release}`).map(({ name, hex }) => ({
    name: name as string,
    bytes: Buffer.from(hex, 'hex'),
  }))
}

export function sample(release: Release, name: string): Uint8Array {
  const found = samples(release).find((candidate) => candidate.name === name)
  if (found === undefined) throw new Error(`no sample ${name} of ${release}`)
  return found.bytes
}

/** Scenario and version of every capture, such as `b-client-app-4.3.0`. */
export function captureNames(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.startsWith('capture-'))
    .map((file) => file.replace('capture-', '').replace('.jsonl.gz', ''))
}

export function capture(name: string): Captured[] {
  return rows(`capture-${name}`).map((row) => ({
    connection: row['connection'] as string,
    direction: row['direction'] as 'c2s' | 's2c',
    message: row['message'] as string | undefined,
    fields: (row['fields'] ?? {}) as Record<string, unknown>,
    value: row['value'],
    bytes: Buffer.from(row.hex, 'hex'),
  }))
}
