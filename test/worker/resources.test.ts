/** G1 to G3, P41: what a worker offers besides cores and memory, and every way in which it can't. */
import { spawnSync } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { Configuration } from '../../src/conf/configuration.js'
import { UsageError } from '../../src/conf/errors.js'
import { createLogger } from '../../src/log/logger.js'
import { MAX_OUTPUT_BYTES } from '../../src/worker/discovery-script.js'
import { offeredResources } from '../../src/worker/resources.js'

const log = createLogger('test')
let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'magneto-resources-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

async function script(body: string, name = 'script', mode = 0o755): Promise<string> {
  const path = join(root, name)
  await writeFile(path, body)
  await chmod(path, mode)
  return path
}

/** Command lines of all that runs. */
function processes(): string[] {
  const { stdout } = spawnSync('ps', ['-eo', 'stat=,args='], { encoding: 'utf8' })
  return stdout.split('\n').filter((line) => !line.startsWith('Z'))
}

const prints = (text: string) => script(`#!/bin/sh\ncat <<'END'\n${text}\nEND\n`)

async function file(content: unknown): Promise<[string, string]> {
  const path = join(root, 'resources.json')
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return ['spark.worker.resourcesFile', path]
}

const entry = (resourceName: string, addresses: unknown, componentName = 'spark.worker') => ({
  id: { componentName, resourceName },
  addresses,
})

const amount = (value: string, name = 'gpu'): [string, string] => [
  `spark.worker.resource.${name}.amount`,
  value,
]
const by = (path: string, name = 'gpu'): [string, string] => [
  `spark.worker.resource.${name}.discoveryScript`,
  path,
]

async function offered(settings: [string, string][], timeoutMs?: number) {
  const found = await offeredResources(new Configuration(settings), log, timeoutMs)
  return Object.fromEntries(found.map(({ name, addresses }) => [name, addresses]))
}

/** The message of the refusal: one line for an operator. */
async function refusal(settings: [string, string][], timeoutMs?: number): Promise<string> {
  const error: unknown = await offered(settings, timeoutMs).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(UsageError)
  expect((error as Error).message).not.toContain('\n')
  return (error as Error).message
}

describe('G1: what is offered', () => {
  test('nothing is asked for, nothing is offered', async () => {
    expect(await offered([])).toEqual({})
    expect(await offered([amount('0')])).toEqual({})
  })

  test('what a script finds, all of it, as Spark does', async () => {
    const path = await prints('{"name": "gpu", "addresses": ["0", "1", "uuid-2"], "model": "x"}')
    expect(await offered([amount('2'), by(path)])).toEqual({ gpu: ['0', '1', 'uuid-2'] })
  })

  test('numbers are addresses too', async () => {
    const path = await prints('{"name": "gpu", "addresses": [0, 1]}')
    expect(await offered([amount('2'), by(path)])).toEqual({ gpu: ['0', '1'] })
  })

  test('G2, F7: a file, with or without an amount; what is for others in it is left out', async () => {
    const resources = await file([
      entry('gpu', ['0', '1']),
      entry('fpga', ['f']),
      entry('gpu', ['9'], 'spark.executor'),
    ])
    expect(await offered([amount('1'), resources])).toEqual({ gpu: ['0', '1'], fpga: ['f'] })
  })

  test('the file comes first: a script is asked only for what it does not name', async () => {
    const resources = await file([entry('gpu', ['from-file'])])
    const path = await script('#!/bin/sh\nexit 1\n')
    const fpga = await script('echo \'{"name": "fpga", "addresses": ["s"]}\'', 'without-a-shebang')
    const settings = [resources, amount('1'), by(path), amount('1', 'fpga'), by(fpga, 'fpga')]
    expect(await offered(settings)).toEqual({ gpu: ['from-file'], fpga: ['s'] })
  })

  test('scripts run at the same time', async () => {
    const waitsFor = (mine: string, other: string) =>
      script(
        `#!/bin/sh\ntouch ${root}/${mine}\nuntil [ -e ${root}/${other} ]; do sleep 0.01; done\n` +
          `echo '{"name": "${mine}", "addresses": ["0"]}'\n`,
        `script-${mine}`,
      )
    const settings = [amount('1', 'a'), by(await waitsFor('a', 'b'), 'a')]
    settings.push(amount('1', 'b'), by(await waitsFor('b', 'a'), 'b'))
    expect(await offered(settings)).toEqual({ a: ['0'], b: ['0'] })
  })

  test('no shell reads the path', async () => {
    const path = await script('#!/bin/sh\necho "$0" >&2; exit 3\n', 'a b; touch $HOME')
    expect(await refusal([amount('1'), by(path)])).toContain('status 3')
  })
})

describe('G3: scripts that leave something running', () => {
  test('it ends with the script, and does not hold the worker up', async () => {
    const seconds = `700.${process.pid}`
    const answer = '{"name": "gpu", "addresses": ["0"]}'
    const path = await script(`#!/bin/sh\nsleep ${seconds} &\necho '${answer}'\n`)
    expect(await offered([amount('1'), by(path)], 20_000)).toEqual({ gpu: ['0'] })
    while (processes().some((line) => line.includes(`sleep ${seconds}`)))
      await new Promise((resolve) => setTimeout(resolve, 10))
  })
})

describe('P41: settings that are refused', () => {
  test.each(['1.5', '-1', 'many', '', '1000000'])('amount %j', async (value) => {
    expect(await refusal([amount(value)])).toMatch(
      /^bad value for spark\.worker\.resource\.gpu\.amount: .* is not a whole number from 0 to 1024/,
    )
  })

  test('a resource without an amount', async () => {
    expect(await refusal([by('/x')])).toMatch(/^spark\.worker\.resource\.gpu\.amount is missing/)
    expect(await refusal([['spark.worker.resource.gpu', '1']])).toMatch(/expected .*NAME\.amount/)
  })

  test('an amount that nothing backs', async () => {
    expect(await refusal([amount('1')])).toMatch(
      /gpu\.amount is set but .*: set spark\.worker\.resource\.gpu\.discoveryScript, or list them in spark\.worker\.resourcesFile/,
    )
  })
})

describe('G3: scripts that stop the worker', () => {
  const key = 'spark.worker.resource.gpu.discoveryScript'

  test('one that is missing', async () => {
    const message = await refusal([amount('1'), by(join(root, 'none'))])
    expect(message).toContain(`bad value for ${key}: "${root}/none": the script is not there`)
  })

  test('one that is not executable', async () => {
    const path = await script('#!/bin/sh\n', 'plain', 0o644)
    expect(await refusal([amount('1'), by(path)])).toMatch(/not executable .*chmod \+x/)
  })

  test('one whose interpreter is missing, and one that is a folder', async () => {
    const path = await script('#!/nowhere/python\n')
    expect(await refusal([amount('1'), by(path)])).toContain('the program in its first line is not')
    expect(await refusal([amount('1'), by(root)])).toContain('the script is not executable')
  })

  test('one that is ended by a signal', async () => {
    const path = await script('#!/bin/sh\nkill -SEGV $$\n')
    expect(await refusal([amount('1'), by(path)])).toContain('the script was ended by SIGSEGV')
  })

  test('one that fails, with the last line it said', async () => {
    const path = await script('#!/bin/sh\nprintf "asking\\nno driver\\n\\n" >&2\nexit 9\n')
    expect(await refusal([amount('1'), by(path)])).toContain('status 9 and said: "no driver"')
  })

  test('one that complains without end', async () => {
    const path = await script('#!/bin/sh\nhead -c 5000000 /dev/zero | tr "\\0" x >&2\nexit 9\n')
    const message = await refusal([amount('1'), by(path)])
    expect(message).toContain('status 9 and said: "xxx')
    expect(message.length).toBeLessThan(1000)
  })

  test('one that does not end, with all that it has started', async () => {
    const seconds = `600.${process.pid}`
    const path = await script(`#!/bin/sh\nsleep ${seconds} &\nwait\n`)
    expect(await refusal([amount('1'), by(path)], 1000)).toContain(
      `${key}: "${path}": the script did not end within 1 s`,
    )
    // A process that was killed takes a moment to go.
    while (processes().some((line) => line.includes(`sleep ${seconds}`)))
      await new Promise((resolve) => setTimeout(resolve, 10))
  })

  test('one that stops listening to TERM', async () => {
    const path = await script("#!/bin/sh\ntrap '' TERM INT HUP\nwhile :; do sleep 1; done\n")
    expect(await refusal([amount('1'), by(path)], 500)).toContain('did not end within 0.5 s')
  })

  test('one that prints without end', async () => {
    const path = await script('#!/bin/sh\nexec yes\n')
    expect(await refusal([amount('1'), by(path)])).toContain(`more than ${MAX_OUTPUT_BYTES} bytes`)
  })

  test.each([
    ['nothing', '', 'printed ""'],
    ['no JSON', 'gpu 0', 'printed "gpu 0"'],
    ['two objects', '{"name":"gpu","addresses":[]} {}', 'expected one JSON object'],
    ['a list', '["0"]', 'expected one JSON object'],
    ['another name', '{"name":"tpu","addresses":["0"]}', 'named "\\"tpu\\""'],
    ['no name', '{"addresses":["0"]}', 'named "no name"'],
    ['no addresses', '{"name":"gpu"}', 'no list of addresses'],
    ['addresses that are none', '{"name":"gpu","addresses":[["0"]]}', 'the address'],
    ['an empty address', '{"name":"gpu","addresses":[""]}', 'the address'],
    ['one twice', '{"name":"gpu","addresses":["0","0"]}', 'the address "0" twice'],
  ])('one that prints %s', async (_name, text, expected) => {
    const message = await refusal([amount('1'), by(await prints(text))])
    expect(message).toContain(`bad value for ${key}: `)
    expect(message).toContain(expected)
    expect(message).toContain('{"name": "gpu", "addresses": ["0", "1"]}')
  })

  test('one that finds fewer than the amount', async () => {
    const path = await prints('{"name": "gpu", "addresses": ["0", "1"]}')
    expect(await refusal([amount('3'), by(path)])).toBe(
      'bad value for spark.worker.resource.gpu.amount: "3": only 2 found (0, 1): expected at least 3 addresses',
    )
  })
})

describe('G2: files that stop the worker', () => {
  test('one that is missing', async () => {
    const message = await refusal([['spark.worker.resourcesFile', join(root, 'none')]])
    expect(message).toMatch(/^bad value for spark\.worker\.resourcesFile: .*can't be read: ENOENT/)
  })

  test('one that is a folder', async () => {
    expect(await refusal([['spark.worker.resourcesFile', root]])).toContain('it is no plain file')
  })

  test.each([
    ['no JSON', 'gpu: 0', 'something else'],
    ['an object', { gpu: ['0'] }, 'something else'],
    ['an entry without an id', [{ addresses: ['0'] }], 'entry 0 is no such object'],
    ['an empty name', [entry('', ['0'])], 'entry 0 names ""'],
    ['a name twice', [entry('gpu', ['0']), entry('gpu', ['1'])], 'it names "gpu" twice'],
    ['no addresses', [entry('gpu', undefined)], '"gpu" has no list of addresses'],
    ['an address twice', [entry('gpu', ['0', '0'])], '"gpu" has the address "0" twice'],
    ['too many', [entry('gpu', [...Array(1025).keys()])], '1025 addresses, more than 1024'],
  ])('one with %s', async (_name, content, expected) => {
    const message = await refusal([await file(content)])
    expect(message).toContain('bad value for spark.worker.resourcesFile: ')
    expect(message).toContain(expected)
  })

  test('one that is too large', async () => {
    const resources = await file(`[]${' '.repeat(MAX_OUTPUT_BYTES)}`)
    expect(await refusal([resources])).toContain(`more than ${MAX_OUTPUT_BYTES} bytes`)
  })

  test('fewer addresses than the amount, in a line that ends', async () => {
    const message = await refusal([await file([entry('gpu', [...Array(40).keys()])]), amount('41')])
    expect(message).toContain('only 40 found (0, 1, ')
    expect(message).toContain(', 31 and 8 more): expected at least 41 addresses')
  })
})
