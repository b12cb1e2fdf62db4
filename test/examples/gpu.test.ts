/** G1, G3, G8: the discovery scripts of examples/gpu under a worker's own discovery, with tools that are played; and the example. */
import { execFile, spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { Configuration } from '../../src/conf/configuration.js'
import { readProperties } from '../../src/conf/properties.js'
import { createLogger } from '../../src/log/logger.js'
import { offeredResources } from '../../src/worker/resources.js'
import { Cluster } from '../e2e/cluster.js'

const root = resolve(import.meta.dirname, '../..')
const log = createLogger('test')
let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'magneto-gpu-'))
  // What the scripts use, and nothing of this machine's that they ask.
  for (const needed of ['sh', 'sed', 'awk', 'cut', 'tr', 'sort', 'grep', 'cat']) {
    const path = spawnSync('sh', ['-c', `command -v ${needed}`], { encoding: 'utf8' }).stdout.trim()
    await symlink(path, join(folder, needed))
  }
  vi.stubEnv('PATH', folder)
  vi.stubEnv('KFD_TOPOLOGY', join(folder, 'nodes'))
  for (const name of ['CUDA_VISIBLE_DEVICES', 'ROCR_VISIBLE_DEVICES', 'FAKE_GPUS']) {
    vi.stubEnv(name, undefined)
  }
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

/** A program in the PATH. */
async function tool(name: string, script: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`)
  await chmod(join(folder, name), 0o755)
}

/** What a worker offers with that script, or why it does not start. */
async function discovered(script: string, amount = 0): Promise<readonly string[] | string> {
  const key = 'spark.worker.resource.gpu'
  const path = join(root, 'examples/gpu', script)
  const settings: [string, string][] = [
    // With an amount of 0 nothing would be asked.
    [`${key}.amount`, String(Math.max(amount, 1))],
    [`${key}.discoveryScript`, path],
  ]
  try {
    const found = await offeredResources(new Configuration(settings), log)
    return found[0]?.addresses ?? []
  } catch (error) {
    return (error as Error).message
  }
}

describe('G3: nvidia-gpus.sh', () => {
  const modern = (gpus: string, list = '') =>
    tool(
      'nvidia-smi',
      `case "$*" in
         "--query-gpu=index,uuid,mig.mode.current --format=csv,noheader") cat <<'END'\n${gpus}\nEND\n;;
         -L) cat <<'END'\n${list}\nEND\n;;
         *) echo "Invalid combination of input arguments."; exit 2 ;;
       esac`,
    )
  const two = '0, GPU-aaaa-1, [N/A]\n1, GPU-bbbb-2, Disabled'

  test('GPUs by their index', async () => {
    await modern(two)
    expect(await discovered('nvidia-gpus.sh')).toEqual(['0', '1'])
  })

  test('a driver that does not know MIG', async () => {
    await tool(
      'nvidia-smi',
      `case "$*" in
         *mig*) echo 'Field "mig.mode.current" is not a valid field to query.'; exit 2 ;;
         "--query-gpu=index,uuid --format=csv,noheader") printf '0, GPU-a\\n1, GPU-b\\n10, GPU-c\\n' ;;
       esac`,
    )
    expect(await discovered('nvidia-gpus.sh')).toEqual(['0', '1', '10'])
  })

  test('GPUs that are split are offered as their instances', async () => {
    await modern(
      '0, GPU-aaaa-1, Enabled\n1, GPU-bbbb-2, Disabled\n2, GPU-cccc-3, Enabled',
      `GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-aaaa-1)
  MIG 3g.20gb     Device  0: (UUID: MIG-c6d4f1ef-42e4)
  MIG 1g.5gb+me   Device  1: (UUID: MIG-GPU-aaaa-1/2/0)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-bbbb-2)
GPU 2: NVIDIA A100-SXM4-40GB (UUID: GPU-cccc-3)`,
    )
    expect(await discovered('nvidia-gpus.sh')).toEqual([
      '1',
      'MIG-c6d4f1ef-42e4',
      'MIG-GPU-aaaa-1/2/0',
    ])
    vi.stubEnv('CUDA_VISIBLE_DEVICES', 'MIG-c6d4')
    expect(await discovered('nvidia-gpus.sh')).toEqual(['MIG-c6d4f1ef-42e4'])
    vi.stubEnv('CUDA_VISIBLE_DEVICES', '1,0')
    expect(await discovered('nvidia-gpus.sh')).toEqual(['1'])
  })

  test.each([
    ['1', ['1']],
    ['1,0', ['1', '0']],
    [' 1 , 0', ['1', '0']],
    ['GPU-bbbb', ['1']],
    ['GPU-bbbb-2,0', ['1', '0']],
    // CUDA stops at the first that it does not know, and so do we.
    ['1,7,0', ['1']],
    ['1,-1,0', ['1']],
    ['1,GPU,0', ['1']],
    ['1,*,0', ['1']],
  ])('CUDA_VISIBLE_DEVICES=%s', async (visible, addresses) => {
    await modern(two)
    vi.stubEnv('CUDA_VISIBLE_DEVICES', visible)
    expect(await discovered('nvidia-gpus.sh')).toEqual(addresses)
  })

  test.each([
    ['', 'only 0 found'],
    ['7', 'only 0 found'],
    ['GPU-', 'only 0 found'],
    ['0,0', '"0" twice'],
  ])(
    'CUDA_VISIBLE_DEVICES=%j leaves nothing, or nothing that makes sense',
    async (visible, problem) => {
      await modern(two)
      vi.stubEnv('CUDA_VISIBLE_DEVICES', visible)
      expect(await discovered('nvidia-gpus.sh')).toContain(problem)
    },
  )

  test('what stops a worker says why', async () => {
    expect(await discovered('nvidia-gpus.sh')).toContain('there is no nvidia-smi in the PATH')
    await tool('nvidia-smi', "echo 'No devices were found'; exit 6")
    expect(await discovered('nvidia-gpus.sh')).toContain(
      'ended with status 1 and said: "nvidia-gpus.sh: nvidia-smi failed: No devices were found"',
    )
    await tool('nvidia-smi', "echo 'warning: persistence mode is disabled'")
    expect(await discovered('nvidia-gpus.sh')).toContain('something else than an index: warning')
    await modern(two)
    expect(await discovered('nvidia-gpus.sh', 3)).toContain('only 2 found (0, 1)')
  })
})

describe('G3: amd-gpus.sh', () => {
  const csv =
    'device,Device Name,Device ID\ncard0,AMD Instinct MI210,0x740f\ncard1,AMD Instinct MI210,0x740f'

  test('by amd-smi, which comes before rocm-smi', async () => {
    await tool(
      'amd-smi',
      `[ "$*" = "list --csv" ] && printf 'gpu,gpu_bdf,gpu_uuid\\n0,0000:01:00.0,a\\n1,0000:02:00.0,b\\n'`,
    )
    await tool('rocm-smi', 'exit 1')
    expect(await discovered('amd-gpus.sh')).toEqual(['0', '1'])
  })

  test('by rocm-smi', async () => {
    await tool('rocm-smi', `[ "$*" = "--showid --csv" ] && cat <<'END'\n\n${csv}\nEND`)
    expect(await discovered('amd-gpus.sh')).toEqual(['0', '1'])
  })

  test('by the kernel: nodes that are no processors, and that may be used', async () => {
    const nodes = [
      'cpu_cores_count 64\nsimd_count 0',
      'cpu_cores_count 0\nsimd_count 416\nunique_id 1',
      null,
      ...Array.from({ length: 8 }, () => 'simd_count 416'),
    ]
    for (const [at, properties] of nodes.entries()) {
      await mkdir(join(folder, 'nodes', String(at)), { recursive: true })
      if (properties === null) continue
      await writeFile(join(folder, 'nodes', String(at), 'properties'), `${properties}\n`)
    }
    expect(await discovered('amd-gpus.sh')).toEqual([...Array(9).keys()].map(String))
  })

  test.each([
    ['1', ['1']],
    ['1,0', ['1', '0']],
    ['1,7,0', ['1']],
  ])('ROCR_VISIBLE_DEVICES=%s', async (visible, addresses) => {
    await tool('rocm-smi', `cat <<'END'\n${csv}\nEND`)
    vi.stubEnv('ROCR_VISIBLE_DEVICES', visible)
    expect(await discovered('amd-gpus.sh')).toEqual(addresses)
  })

  test('what stops a worker says why', async () => {
    expect(await discovered('amd-gpus.sh')).toContain('neither amd-smi nor rocm-smi in the PATH')
    await tool('rocm-smi', "echo 'ERROR: no driver'; exit 1")
    expect(await discovered('amd-gpus.sh')).toContain('--csv failed: ERROR: no driver')
    await tool('rocm-smi', `cat <<'END'\n${csv}\nEND`)
    vi.stubEnv('ROCR_VISIBLE_DEVICES', 'GPU-1234')
    expect(await discovered('amd-gpus.sh')).toContain("'GPU-1234' is no index")
    vi.stubEnv('ROCR_VISIBLE_DEVICES', '')
    expect(await discovered('amd-gpus.sh')).toContain('only 0 found')
  })
})

describe('G3: fake-gpus.sh', () => {
  test('as many as FAKE_GPUS says, two otherwise', async () => {
    expect(await discovered('fake-gpus.sh')).toEqual(['0', '1'])
    vi.stubEnv('FAKE_GPUS', '4')
    expect(await discovered('fake-gpus.sh')).toEqual(['0', '1', '2', '3'])
    for (const bad of ['x', '-1', '99999']) {
      vi.stubEnv('FAKE_GPUS', bad)
      expect(await discovered('fake-gpus.sh')).toContain(`'${bad}' is no number of GPUs`)
    }
  })

  test('as many as it is told', () => {
    const { stdout } = spawnSync(join(root, 'examples/gpu/fake-gpus.sh'), ['1'], {
      encoding: 'utf8',
    })
    expect(JSON.parse(stdout)).toEqual({ name: 'gpu', addresses: ['0'] })
  })
})

test('G1: worker.conf names a script that is there', () => {
  const { entries } = readProperties(join(root, 'examples/gpu/worker.conf'))
  const settings = new Map(entries.map(({ name, value }) => [name, value]))
  expect([...settings.keys()]).toEqual([
    'spark.worker.resource.gpu.amount',
    'spark.worker.resource.gpu.discoveryScript',
  ])
  expect(settings.get('spark.worker.resource.gpu.amount')).toBe('1')
  const script = settings.get('spark.worker.resource.gpu.discoveryScript') ?? ''
  accessSync(script.replace('/opt/magneto', root), constants.X_OK)
})

test(
  'G1, G4, G6: each executor of the example has its GPUs to itself',
  { timeout: 120_000 },
  async () => {
    vi.unstubAllEnvs()
    const key = 'spark.worker.resource.gpu'
    const script = join(root, 'examples/gpu/fake-gpus.sh')
    const cluster = await Cluster.start({
      workers: 1,
      coresPerWorker: 2,
      properties: [`${key}.amount 4`, `${key}.discoveryScript ${script}`],
      environment: { FAKE_GPUS: '4' },
    })
    try {
      const example = join(root, 'dist/examples/gpu/gpu.js')
      // So many that the second executor has some, however late it comes.
      const tasks = ['--tasks', '120']
      const wanted = ['--executors', '2', '--gpus', '2', ...tasks]
      const args = [example, '--master', cluster.masterUrl, ...wanted]
      const { stdout } = await promisify(execFile)(process.execPath, args)
      const lines = stdout.trim().split('\n').toSorted()
      expect(lines).toEqual([
        expect.stringMatching(/^executor 0 on .*: GPU \d, \d \(\d+ tasks\)$/),
        expect.stringMatching(/^executor 1 on .*: GPU \d, \d \(\d+ tasks\)$/),
      ])
      const given = lines.flatMap((line) => /GPU (\d), (\d)/.exec(line)?.slice(1) ?? [])
      expect(given.toSorted()).toEqual(['0', '1', '2', '3'])
    } finally {
      expect(await cluster.stop()).toEqual([])
    }
  },
)
