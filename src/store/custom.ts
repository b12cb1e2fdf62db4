/**
 * recoveryMode CUSTOM (spec H6, P2): a store of the operator's own. `spark.deploy.recoveryMode.factory` names a module
 * that exports `createStore(options)`; what that returns is a `StoreEngine` as `engine.ts` describes it. Who has the store
 * leads: it must refuse a second master.
 */
import { createRequire } from 'node:module'
import { isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type StoreEngine, StoreError } from './engine.js'

export interface StoreLog {
  info(text: string): void
  warn(text: string): void
  error(text: string): void
}

/** What a store is made with. */
export interface StoreOptions {
  /** Every entry of the configuration as the operator wrote it; names of your own may start with `spark.deploy.` */
  readonly configuration: Readonly<Record<string, string>>
  /** Writes to the master's log. */
  readonly log: StoreLog
}

/** The one thing a module exports. Called anew for each attempt to open; makes an engine that is not open yet. */
export type CreateStore = (options: StoreOptions) => StoreEngine

export type StoreEngineFactory = () => StoreEngine

const METHODS = ['open', 'commit', 'close'] as const

/**
 * @param specifier a file (absolute, or relative to the working directory when it starts with a dot), a file: URL or the
 *   name of an installed package
 * @throws StoreError when it can't be loaded or exports no `createStore`; the factory throws one when that
 *   returns no store
 */
export async function loadCustom(
  specifier: string,
  options: StoreOptions,
): Promise<StoreEngineFactory> {
  const create = createStoreOf(specifier, await loaded(specifier))
  return () => checked(specifier, create, options)
}

function createStoreOf(specifier: string, module: Readonly<Record<string, unknown>>): CreateStore {
  // CommonJS modules may arrive as the default export alone.
  const inner = module['default'] as { createStore?: unknown } | null | undefined
  const create = module['createStore'] ?? inner?.createStore
  if (typeof create === 'function') return create as CreateStore
  throw new StoreError(
    `${specifier} exports no function createStore (it exports: ${Object.keys(module).join(', ') || 'nothing'}); ` +
      'see examples/custom-recovery',
  )
}

function checked(specifier: string, create: CreateStore, options: StoreOptions): StoreEngine {
  let store: StoreEngine
  try {
    store = create(options)
  } catch (error) {
    throw new StoreError(`createStore of ${specifier} failed: ${String(error)}`, { cause: error })
  }
  const missing = METHODS.filter(
    (name) => typeof (store as Partial<StoreEngine> | null | undefined)?.[name] !== 'function',
  )
  if (missing.length === 0) return store
  throw new StoreError(
    `what createStore of ${specifier} returned has no method ${missing.join(', ')}; see examples/custom-recovery`,
  )
}

async function loaded(specifier: string): Promise<Record<string, unknown>> {
  if (specifier === '') {
    throw new StoreError(
      'spark.deploy.recoveryMode=CUSTOM needs spark.deploy.recoveryMode.factory: name the module of the store',
    )
  }
  try {
    return (await import(addressOf(specifier))) as Record<string, unknown>
  } catch (error) {
    throw new StoreError(`can't load the store ${specifier}: ${String(error)}`, { cause: error })
  }
}

/** Packages are looked for from the working directory first, then where this program is installed. */
function addressOf(specifier: string): string {
  if (specifier.startsWith('file:')) return specifier
  if (specifier.startsWith('.') || isAbsolute(specifier))
    return pathToFileURL(resolve(specifier)).href
  try {
    const from = createRequire(join(process.cwd(), 'package.json'))
    return pathToFileURL(from.resolve(specifier)).href
  } catch {
    return specifier
  }
}
