/** House rules, run as tests: what a reviewer should not have to look for. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const longestFileLines = 600
const longestFunctionLines = 70
const longestLine = 100

// Tracked and new files alike: a rule is broken before the commit, not after.
const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((file) => existsSync(join(root, file)))
const generated = (file: string) =>
  file.startsWith('native/third_party/') ||
  file.startsWith('native/codec/gen/') ||
  file.startsWith('src/schema/') ||
  file.startsWith('src/spark/tables/') ||
  file.startsWith('test/fixtures/')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const typescript = files.filter((file) => file.endsWith('.ts') && !generated(file))
const native = files.filter((file) => /^native\/.*\.(cc|h)$/.test(file) && !generated(file))

/** Who may import whom: DESIGN's arrows. Every room may import itself, `schema`, `log` and `native`. */
const arrows: Record<string, string[]> = {
  schema: [],
  native: [],
  log: ['conf'],
  conf: [],
  core: [],
  security: ['conf', 'http'],
  control: ['conf', 'security'],
  metrics: ['control', 'conf', 'http'],
  store: ['control', 'conf'],
  election: ['control', 'conf', 'store'],
  spark: ['control', 'conf', 'http', 'rest'],
  'log-files': ['http'],
  worker: ['control', 'conf', 'spark', 'http', 'log-files', 'metrics', 'security'],
  app: ['control', 'conf'],
  http: [],
  rest: ['control', 'conf', 'http', 'security'],
  proxy: ['http'],
  browser: [],
  ui: ['control', 'conf', 'http', 'log-files', 'metrics', 'rest', 'proxy', 'security'],
  master: ['control', 'conf', 'core', 'metrics', 'store', 'election', 'security'],
  cli: ['conf', 'http', 'master', 'worker', 'control', 'spark'],
}

function importsOf(file: string): string[] {
  const found = read(file).matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)
  return [...found].map((match) => match[1] ?? '')
}

function roomOf(file: string): string | null {
  return /^src\/([^/]+)\//.exec(file)?.[1] ?? null
}

/** @returns lines like "file:12 what" for every line that `broken` names a reason for */
function offences(list: string[], broken: (line: string, file: string) => string | null): string[] {
  return list.flatMap((file) =>
    read(file)
      .split('\n')
      .flatMap((line, index) => {
        const reason = broken(line, file)
        return reason === null ? [] : [`${file}:${index + 1} ${reason}`]
      }),
  )
}

function sourcesWith(needle: RegExp): string[] {
  return typescript.filter((file) => file.startsWith('src/') && needle.test(read(file)))
}

describe('layering', () => {
  test('nobody imports against the arrows', () => {
    const against = typescript.flatMap((file) => {
      const room = roomOf(file)
      if (room === null) return []
      const allowed = arrows[room]
      if (allowed === undefined) return [`${file}: room ${room} has no arrows; add it here`]
      return importsOf(file)
        .filter((target) => target.startsWith('.'))
        .map((target) => relative(root, resolve(root, dirname(file), target)))
        .filter((target) => {
          const other = roomOf(target)
          return other !== null && ![room, 'schema', 'log', 'native', ...allowed].includes(other)
        })
        .map((target) => `${file} imports ${target}`)
    })
    expect(against).toEqual([])
  })

  test('one file loads each addon, one imports uWebSockets', () => {
    expect(sourcesWith(/'magneto_core'/)).toEqual(['src/core/native.ts'])
    expect(sourcesWith(/'magneto_tcp'/)).toEqual(['src/spark/tcp/native-tcp.ts'])
    expect(sourcesWith(/'magneto_spawn'/)).toEqual(['src/worker/launcher/native-spawn.ts'])
    expect(sourcesWith(/['"]uws-\d+['"]/)).toEqual(['src/control/uws.ts'])
  })

  test('the core knows no Node, clock, file, socket, thread, random source or log', () => {
    const banned =
      /#include <(napi|node|chrono|ctime|time|thread|mutex|atomic|random|fstream|iostream|filesystem|cstdio|unistd|sys\/)|std::(rand|time)\b|\bprintf\(|"napi\//
    const pure = native.filter((file) => /^native\/(core|codec)\//.test(file))
    expect(pure.length).toBeGreaterThan(0)
    expect(offences(pure, (line) => (banned.test(line) ? line.trim() : null))).toEqual([])
  })

  test.each([
    { addon: 'spawn', glue: /#include <(napi|uv|node)/ },
    { addon: 'tcp', glue: /#include <(napi|node)/ },
  ])('$addon knows neither the core nor, but for its glue, Node', ({ addon, glue }) => {
    const own = native.filter((file) => file.startsWith(`native/${addon}/`))
    expect(own.length).toBeGreaterThan(0)
    const foreign = new RegExp(`#include "(?!${addon}/)`)
    expect(offences(own, (line) => (foreign.test(line) ? line : null))).toEqual([])
    const plain = own.filter((file) => !file.endsWith('/addon.cc'))
    expect(offences(plain, (line) => (glue.test(line) ? line : null))).toEqual([])
  })

  test('the core includes nothing of the glue, and only codec knows FlatBuffers', () => {
    const core = native.filter((file) => file.startsWith('native/core/'))
    expect(
      offences(core, (line) => (/#include "(napi|flatbuffers)\//.test(line) ? line : null)),
    ).toEqual([])
  })
})

describe('size', () => {
  test(`files stop at ${longestFileLines} lines`, () => {
    const long = [...typescript, ...native, ...files.filter((file) => /\.(mjs|sh)$/.test(file))]
      .map((file) => ({ file, lines: read(file).split('\n').length }))
      .filter(({ lines }) => lines > longestFileLines)
    expect(long).toEqual([])
  })

  test(`lines of C++ stop at ${longestLine} columns`, () => {
    expect(
      offences(native, (line) => (line.length > longestLine ? `${line.length} columns` : null)),
    ).toEqual([])
  })

  test(`C++ functions stop at ${longestFunctionLines} lines`, () => {
    // A function body opens in column 0 or inside one namespace and closes with a brace in column 0.
    const long = native
      .filter((file) => file.endsWith('.cc') && !file.startsWith('native/test/'))
      .flatMap((file) => {
        const lines = read(file).split('\n')
        let opened = -1
        return lines.flatMap((line, index) => {
          if (
            /^[A-Za-z].*\{$/.test(line) &&
            !/^(namespace|struct|class|enum|extern|union)/.test(line)
          )
            opened = index
          if (line !== '}' || opened < 0) return []
          const length = index - opened + 1
          opened = -1
          return length > longestFunctionLines
            ? [`${file}:${index + 1 - length} is ${length} lines`]
            : []
        })
      })
    expect(long).toEqual([])
  })

  test('no tracked file is over 2 MB', () => {
    expect(files.filter((file) => statSync(join(root, file)).size > 2_000_000)).toEqual([])
  })
})

describe('prose', () => {
  const sources = [
    ...typescript,
    ...native,
    ...files.filter((f) => /\.(mjs|sh|md|fbs|template)$/.test(f)),
  ]

  test('nothing is left open', () => {
    const marks = /\b(TODO|FIXME|XXX|HACK)\b/
    expect(
      offences(
        sources.filter((file) => file !== 'test/tidy.test.ts'),
        (line) => (marks.test(line) ? line.trim() : null),
      ),
    ).toEqual([])
  })

  test('every folder of src and native says its role', () => {
    const folders = new Set(
      [...typescript, ...native].filter((f) => /^(src|native)\/[^/]+\//.test(f)).map(dirname),
    )
    const silent = [...folders].filter((folder) => {
      // A room's README speaks for its inner folders.
      for (let at = folder; at.includes('/'); at = dirname(at)) {
        if (existsSync(join(root, at, 'README.md'))) return false
      }
      return true
    })
    expect(silent).toEqual([])
  })

  test('TypeScript files are kebab-case, C++ files snake_case', () => {
    const wrong = [
      ...typescript.filter(
        (file) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*\.ts$/.test(basename(file)),
      ),
      ...native.filter((file) => !/^[a-z0-9]+(_[a-z0-9]+)*\.(cc|h)$/.test(basename(file))),
    ]
    expect(wrong).toEqual([])
  })

  test('tests neither wait for a fixed time nor are left out by hand', () => {
    const tests = typescript.filter((file) => file.endsWith('.test.ts'))
    const banned = /\b(test|it|describe)\.(only|skip)\(|await (sleep|delay)\(/
    expect(offences(tests, (line) => (banned.test(line) ? line.trim() : null))).toEqual([])
  })
})

describe('dead files', () => {
  test('every source file is imported, or is an entry that is started by name', () => {
    const texts = files
      .filter((file) => /\.(ts|mjs|json|sh)$/.test(file) || file.startsWith('bin/'))
      .map(read)
      .join('\n')
    const dead = typescript
      .filter((file) => file.startsWith('src/'))
      .filter(
        (file) =>
          !texts.includes(`/${basename(file, '.ts')}.js`) &&
          !texts.includes(`${basename(file, '.ts')}.js'`),
      )
    expect(dead).toEqual([])
  })
})
