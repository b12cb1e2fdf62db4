import { ClassDescriptor } from '../java/tree.js'
import type { FieldDescriptor } from '../java/tree.js'
import { SPARK_VERSIONS, type SparkVersion } from '../../control/runtimes.js'
import { CLASS_LINES } from './classes.js'

interface ClassRow {
  readonly versions: readonly SparkVersion[]
  readonly suid: bigint
  readonly flags: number
  readonly superclass: string | null
  readonly fields: readonly FieldDescriptor[]
}

function parse(): Map<string, ClassRow[]> {
  const rows = new Map<string, ClassRow[]>()
  for (const line of CLASS_LINES.trim().split('\n')) {
    const [name, versions, suid, flags, superclass, ...fields] = line.split(' ')
    const row: ClassRow = {
      versions: versions === '*' ? SPARK_VERSIONS : (versions!.split(',') as SparkVersion[]),
      suid: BigInt(suid!),
      flags: Number(flags),
      superclass: superclass === '-' ? null : superclass!,
      fields: fields.map((field) => {
        const colon = field.indexOf(':')
        return { name: field.slice(0, colon), type: field.slice(colon + 1) }
      }),
    }
    const known = rows.get(name!)
    if (known === undefined) rows.set(name!, [row])
    else known.push(row)
  }
  return rows
}

const ROWS = parse()
const DESCRIPTORS = new Map<string, ClassDescriptor>()

/** Does any version have the class? Only what we write, or tell versions by, is listed. */
export function isListed(name: string): boolean {
  return ROWS.has(name)
}

/**
 * Whether objects of the class, superclasses included, are laid out as in some version: numbers and fields may
 * be new, but a class that writes its content in another way can't be written for that peer.
 */
export function isLaidOutAsListed(descriptor: ClassDescriptor): boolean {
  return descriptor.lineage.every(({ name, flags, superclass }) =>
    (ROWS.get(name) ?? []).some(
      (row) => row.flags === flags && row.superclass === (superclass?.name ?? null),
    ),
  )
}

/** @returns the versions in which the class has this number; all, for most classes of Java */
export function versionsWith(name: string, suid: bigint): SparkVersion[] {
  const rows = ROWS.get(name) ?? []
  return rows.filter((row) => row.suid === suid).flatMap((row) => row.versions)
}

/** @returns null when the version has no such class, or it isn't listed */
export function listedDescriptor(name: string, version: SparkVersion): ClassDescriptor | null {
  const key = `${version} ${name}`
  const known = DESCRIPTORS.get(key)
  if (known !== undefined) return known
  const row = ROWS.get(name)?.find(({ versions }) => versions.includes(version))
  if (row === undefined) return null
  const { superclass, suid, flags, fields } = row
  const parent = superclass === null ? null : listedDescriptor(superclass, version)
  const descriptor = new ClassDescriptor(name, suid, flags, fields, parent)
  DESCRIPTORS.set(key, descriptor)
  return descriptor
}
