#!/usr/bin/env node
// Regenerates the FlatBuffers code from schemas/: native/codec/gen/*.h and src/schema/magneto.ts.
// `--check` writes nothing: it fails when the committed code differs, or when a schema is not compatible
// with the one of the commit named by `--base REV` (default: the last commit that touched schemas/).
import { execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdtempSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const schemas = ['control', 'core', 'store', 'view']
const version = '2.0.8'
const byteVectors = new Set(['application', 'description', 'sparkDescription'])
const numberVectors = new Set(['removed'])

const found = spawnSync('flatc', ['--version'], { encoding: 'utf8' })
if (found.status !== 0 || !found.stdout.includes(version)) {
  const what = found.status === 0 ? found.stdout.trim() : 'no flatc'
  console.error(
    `generate: found ${what}, need flatc ${version} (Debian package flatbuffers-compiler)`,
  )
  process.exit(process.env['CI'] ? 1 : 3)
}

function flatc(...args) {
  execFileSync('flatc', args, { stdio: 'inherit', cwd: join(root, 'schemas') })
}

function generate(into) {
  mkdirSync(join(into, 'native/codec/gen'), { recursive: true })
  mkdirSync(join(into, 'src/schema'), { recursive: true })
  for (const name of schemas)
    flatc(
      '--cpp',
      '--cpp-std',
      'c++17',
      '--scoped-enums',
      '-o',
      join(into, 'native/codec/gen'),
      `${name}.fbs`,
    )
  const scratch = mkdtempSync(join(tmpdir(), 'magneto-generate-'))
  flatc('--ts', '--ts-flat-files', '--gen-all', '--gen-object-api', '-o', scratch, 'magneto.fbs')
  const text = readFileSync(join(scratch, 'magneto_generated.ts'), 'utf8')
  rmSync(scratch, { recursive: true })
  // Flat files prefix every name with its namespace; no two namespaces here share a name.
  writeFileSync(
    join(into, 'src/schema/magneto.ts'),
    adapt(text.replace(/magneto_(?:control|core|store|view)_/g, '')),
  )
}

// The generator is older than the runtime and its object API is loose about two types: strings are always
// decoded here, and byte vectors stay byte arrays (never lists of numbers, which cost 16 times the memory).
function adapt(text) {
  // An optional number that happens to be 0 must be written: the old generator takes it for the default.
  const optional = new Set(
    [...text.matchAll(/^(\w+)\(\):number\|null \{/gm)].map((match) => match[1]),
  )
  return text
    .replace(/builder\.addFieldInt32\((\d+), (\w+), 0\);/g, (whole, slot, field) =>
      optional.has(field) ? `builder.addInt32(${field});\n  builder.slot(${slot});` : whole,
    )
    .replace(/^( {2}public \w+: )string\|Uint8Array\|null/gm, '$1string|null')
    .replace(/(\w+)\(optionalEncoding\?:any\):string\|Uint8Array\|null \{/g, '$1(): string|null {')
    .replace(
      /(\w+)\(index: number,optionalEncoding\?:any\):string\|Uint8Array\|null \{/g,
      '$1(index: number): string|null {',
    )
    .replace(/^\w+\((?:index: number,)?optionalEncoding:flatbuffers\.Encoding\):.*\n/gm, '')
    .replace(/(__string\(.*), optionalEncoding\)/g, '$1) as string')
    .replace(
      /this\.bb!\.createScalarList\(this\.(\w+)\.bind\(this\), this\.(\w+)Length\(\)\)/g,
      (whole, field) =>
        byteVectors.has(field)
          ? `(this.${field}Array() ?? new Uint8Array())`
          : numberVectors.has(field)
            ? `Array.from({ length: this.${field}Length() }, (_, at) => this.${field}(at)!)`
            : `this.bb!.createScalarList<string>(this.${field}.bind(this) as (i: number) => string, this.${field}Length()) as string[]`,
    )
    .replace(/^( {2}public (\w+): )\(number\)\[\] = \[\]/gm, (whole, head, field) =>
      byteVectors.has(field) ? `${head}Uint8Array = new Uint8Array()` : whole,
    )
    .replace(
      /data:number\[\]\|Uint8Array\):flatbuffers\.Offset \{\n  builder\.startVector\(1, data\.length, 1\);\n(?:.*\n){3} {2}return builder\.endVector\(\);/g,
      'data:Uint8Array):flatbuffers.Offset {\n  return builder.createByteVector(data);',
    )
}

function checkSame(fresh) {
  const files = [
    'src/schema/magneto.ts',
    ...readdirSync(join(fresh, 'native/codec/gen')).map((f) => `native/codec/gen/${f}`),
  ]
  const stale = files.filter((f) => {
    try {
      return readFileSync(join(fresh, f), 'utf8') !== readFileSync(join(root, f), 'utf8')
    } catch {
      return true
    }
  })
  if (stale.length > 0)
    throw new Error(`stale generated code: ${stale.join(', ')}; run npm run generate and commit it`)
}

function checkCompatible(base) {
  const before = mkdtempSync(join(tmpdir(), 'magneto-schemas-'))
  try {
    for (const name of schemas) {
      const shown = spawnSync('git', ['show', `${base}:schemas/${name}.fbs`], {
        cwd: root,
        encoding: 'utf8',
      })
      if (shown.status === 0) writeFileSync(join(before, `${name}.fbs`), shown.stdout)
    }
    for (const file of readdirSync(before))
      flatc('--conform', join(before, file), '--conform-includes', before, file)
  } finally {
    rmSync(before, { recursive: true })
  }
}

if (process.argv.includes('--check')) {
  const fresh = mkdtempSync(join(tmpdir(), 'magneto-generated-'))
  try {
    generate(fresh)
    checkSame(fresh)
    const at = process.argv.indexOf('--base')
    const last = spawnSync('git', ['rev-list', '-1', 'HEAD~1', '--', 'schemas'], {
      cwd: root,
      encoding: 'utf8',
    }).stdout.trim()
    const base = at > 0 ? process.argv[at + 1] : last
    if (base) checkCompatible(base)
  } catch (error) {
    console.error(`generate --check: ${error.message}`)
    process.exitCode = 1
  } finally {
    rmSync(fresh, { recursive: true })
  }
} else {
  const fresh = mkdtempSync(join(tmpdir(), 'magneto-generated-'))
  generate(fresh)
  cpSync(fresh, root, { recursive: true })
  rmSync(fresh, { recursive: true })
}
