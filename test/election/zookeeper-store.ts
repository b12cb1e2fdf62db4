/** A recovery over ZooKeeper as a store of one master, for the conformance test of stores. */
import { ZooKeeperClient, parseConnectString } from '../../src/election/zookeeper/client.js'
import { decodeEpoch, encodeEpoch, layoutOf } from '../../src/election/zookeeper/layout.js'
import {
  type OpenedStore,
  type StoreChange,
  type StoreEngine,
  StoreError,
} from '../../src/store/engine.js'
import type { StorePlace } from '../store/conformance.js'
import { TestMaster, until } from './zookeeper-node.js'

let engines = 0

class RecoveryStore implements StoreEngine {
  readonly #url: string
  readonly #dir: string
  #master: TestMaster | null = null

  constructor(url: string, dir: string) {
    this.#url = url
    this.#dir = dir
  }

  async open(): Promise<OpenedStore> {
    engines += 1
    const master = new TestMaster(`store-${engines}`, this.#url, { dir: this.#dir })
    await master.start()
    await until(() => master.heard.length > 0, 'somebody leads')
    const [first] = master.heard
    if (first?.kind !== 'lead') {
      await master.stop()
      throw new StoreError('another master leads')
    }
    this.#master = master
    return first.mandate
  }

  async commit(changes: readonly StoreChange[]): Promise<void> {
    if (this.#master === null) throw new StoreError('it is not open')
    await this.#master.recovery.commit(changes)
  }

  async close(): Promise<void> {
    const master = this.#master
    await master?.stop()
    if (this.#master === master) this.#master = null
  }
}

/** Takes the mandate of whoever leads away, as a takeover would. */
export async function depose(url: string, dir: string): Promise<void> {
  const { epoch: path } = layoutOf(dir)
  await withClient(url, async (client) => {
    const node = await client.get(path)
    if (node === null) throw new Error(`${path} is not there`)
    const { epoch } = decodeEpoch(node.data)
    const data = encodeEpoch({ epoch: epoch + 1, leader: null, latch: '' })
    await client.multi([{ kind: 'set', path, data }])
  })
}

export async function withClient<T>(
  url: string,
  use: (client: ZooKeeperClient) => Promise<T>,
): Promise<T> {
  const [client, connected] = connectedClient(url)
  try {
    await connected
    return await use(client)
  } finally {
    await client.close()
  }
}

function connectedClient(url: string): [ZooKeeperClient, Promise<void>] {
  let client: ZooKeeperClient | null = null
  const connected = new Promise<void>((resolve) => {
    client = new ZooKeeperClient(parseConnectString(url), 4_000, {
      onState: (state) => state === 'connected' && resolve(),
    })
  })
  return [client as unknown as ZooKeeperClient, connected]
}

let places = 0

export function zooKeeperPlace(url: () => string): () => Promise<StorePlace> {
  return () => {
    places += 1
    const dir = `/place-${places}`
    return Promise.resolve({
      engine: () => new RecoveryStore(url(), dir),
      crash: async (engine) => {
        await depose(url(), dir)
        await engine.close()
      },
      fail: () => depose(url(), dir),
      remove: () => removeTree(url(), dir),
    })
  }
}

export async function removeTree(url: string, dir: string): Promise<void> {
  await withClient(url, async (client) => {
    const remove = async (path: string): Promise<void> => {
      const names = (await client.children(path)) ?? []
      await Promise.all(names.map((name) => remove(`${path}/${name}`)))
      await client.remove(path).catch(() => {})
    }
    await remove(dir)
  })
}
