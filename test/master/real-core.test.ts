/** The whole master with the real core: a worker and an application meet. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { Configuration } from '../../src/conf/configuration.js'
import { encodeApplication, type BodyT } from '../../src/control/codec.js'
import { MasterLink } from '../../src/control/link.js'
import type * as Main from '../../src/master/main.js'
import {
  ApplicationDescriptionT,
  Command,
  LaunchExecutorT,
  NodeCommandT,
  RegisterApplicationT,
  RegisterWorkerT,
  ResourceProfileT,
  WorkerRegisteredT,
} from '../../src/schema/magneto.js'
import { Recorder, recordingLog } from '../control/recorder.js'

const root = join(import.meta.dirname, '../..')

function link(masterUrl: string) {
  const seen = new Recorder<BodyT | 'open'>()
  const made = new MasterLink({
    masterUrl,
    log: recordingLog(),
    onOpen: () => seen.add('open'),
    onMessage: (body) => seen.add(body),
    onClose: () => {},
  })
  return { link: made, seen }
}

test('a worker registers and gets the executor of an application', async () => {
  const entry = pathToFileURL(join(root, 'dist/src/master/main.js'))
  const { startMaster } = (await import(entry.href)) as typeof Main
  const master = await startMaster({
    host: '127.0.0.1',
    port: 0,
    webUiPort: 0,
    webUiHost: '127.0.0.1',
    publicHost: '127.0.0.1',
    home: root,
    confDir: join(root, 'conf'),
    configuration: new Configuration(),
  })
  const worker = link(master.masterUrl)
  const application = link(master.masterUrl)
  try {
    await worker.seen.next((event) => event === 'open')
    worker.link.send(new RegisterWorkerT('worker-1', 'h', 1000, 4, 4096, 'http://w', [], ['node']))
    await worker.seen.next((event) => event instanceof WorkerRegisteredT)
    const description = new ApplicationDescriptionT(
      'pi',
      'me',
      null,
      2,
      null,
      new ResourceProfileT(0, 2, 1024, []),
      Command.NodeCommand,
      new NodeCommandT('/pi.js', [], [], []),
      'node',
    )
    await application.seen.next((event) => event === 'open')
    application.link.send(new RegisterApplicationT(encodeApplication(description), ''))
    expect(await worker.seen.next((event) => event instanceof LaunchExecutorT)).toMatchObject({
      cores: 2,
      memoryMb: 1024,
      masterUrl: master.masterUrl,
    })
  } finally {
    worker.link.close()
    application.link.close()
    await master.stop()
  }
  expect(await master.stopped).toBe(0)
})
