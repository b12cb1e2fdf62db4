/**
 * What is written again and again with other names and numbers: the stream of the first such message, with places for those.
 * A template is made when a message of its kind comes for the second time, and kept only if it writes that very message byte
 * for byte as the builder does.
 */
import type { ClassSource } from '../java/build.js'
import { Template, type SlotValue } from '../java/template.js'
import { writeJavaStream } from '../java/writer.js'
import { descriptions, type Description } from './descriptions.js'
import { buildMessage } from './encode.js'
import type { RpcAddress } from './incoming.js'
import type { OutgoingMessage } from './outgoing.js'

type Fields = Readonly<Record<string, unknown>>

/** Fields that differ from one message to the next; all others have to be the same as the template's. */
const VARYING: Partial<Record<OutgoingMessage['kind'], readonly string[]>> = {
  BooleanReply: [],
  RegisteredApplication: ['appId'],
  ExecutorAdded: ['id', 'workerId', 'hostPort', 'cores', 'memoryMb'],
  ExecutorUpdated: ['id', 'message', 'exitStatus', 'workerHost'],
  RegisteredWorker: [],
  LaunchExecutor: ['appId', 'execId', 'rpId', 'cores', 'memoryMb'],
  LaunchDriver: ['driverId'],
  KillExecutor: ['appId', 'execId'],
  ApplicationFinished: ['id'],
  SubmitDriverResponse: ['driverId', 'message'],
  BoundPortsResponse: [],
}

/** Of one kind: shapes of descriptions are among what has to be the same. */
const MAX_TEMPLATES = 8
const FIRST_MARK = 0x5350_4b00

interface Entry {
  readonly fields: Fields
  /** null: not made yet. */
  template: Template | null
  /** The builder writes something else: it writes all of them. */
  isUseless: boolean
}

/** The templates for readers of one set of classes. */
export class Templates {
  readonly #entries = new Map<string, Entry[]>()

  /** @returns what the next message may overwrite @throws as buildMessage does */
  write(message: OutgoingMessage, classes: ClassSource): Uint8Array {
    const varying = VARYING[message.kind]
    if (varying === undefined) return writeJavaStream(buildMessage(message, classes))
    const fields = fieldsOf(message)
    const entry = this.#find(message.kind, fields, varying)
    if (entry !== null && !entry.isUseless) {
      entry.template ??= templateOf(message, varying, classes)
      if (entry.template !== null) {
        const written = entry.template.write(varying.map((name) => fields[name] as SlotValue))
        if (written !== null) return written
      } else entry.isUseless = true
    }
    const written = writeJavaStream(buildMessage(message, classes))
    if (entry === null) this.#add(message.kind, fields)
    return written
  }

  #find(kind: string, fields: Fields, varying: readonly string[]): Entry | null {
    const entries = this.#entries.get(kind)
    if (entries === undefined) return null
    for (let index = 0; index < entries.length; index++) {
      const entry = entries[index]!
      if (!isAlike(entry.fields, fields, varying)) continue
      if (index > 0) {
        entries.splice(index, 1)
        entries.unshift(entry)
      }
      return entry
    }
    return null
  }

  #add(kind: string, fields: Fields): void {
    const entries = this.#entries.get(kind)
    const entry: Entry = { fields, template: null, isUseless: false }
    if (entries === undefined) {
      this.#entries.set(kind, [entry])
      return
    }
    entries.unshift(entry)
    if (entries.length > MAX_TEMPLATES) entries.pop()
  }
}

/** What messages are compared by: in place of a description what is read of it, which is one object for all of a shape. */
function fieldsOf(message: OutgoingMessage): Fields {
  const description = descriptionIn(message)
  if (description === null) return message as unknown as Fields
  return message.kind === 'LaunchExecutor'
    ? { ...message, appDescription: description }
    : { ...message, driverDescription: description }
}

/** What is null is so in all messages of a template: None has no place for a value. */
function isAlike(one: Fields, other: Fields, varying: readonly string[]): boolean {
  for (const name in one) {
    const mine = one[name]
    const theirs = other[name]
    if (mine === theirs) continue
    if (varying.includes(name) && mine !== null && theirs !== null) continue
    if (isEmptyArray(mine) && isEmptyArray(theirs)) continue
    if (!isAddress(mine) || !isAddress(theirs)) return false
    if (mine.host !== theirs.host || mine.port !== theirs.port) return false
  }
  return true
}

/** Each message that names one has an object of its own for it. */
function isAddress(value: unknown): value is RpcAddress {
  return value !== null && typeof value === 'object' && 'host' in value && 'port' in value
}

function isEmptyArray(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}

/** @throws JavaStreamError JavaShapeError when it can't be read */
function descriptionIn(message: OutgoingMessage): Description | null {
  if (message.kind === 'LaunchExecutor') return descriptions.read(message.appDescription)
  if (message.kind !== 'LaunchDriver') return null
  const { driverDescription } = message
  return driverDescription instanceof Uint8Array ? descriptions.read(driverDescription) : null
}

function templateOf(
  message: OutgoingMessage,
  varying: readonly string[],
  classes: ClassSource,
): Template | null {
  const fields = message as unknown as Fields
  const marks = varying.map((name, index): SlotValue =>
    typeof fields[name] === 'number' ? FIRST_MARK + index : `\0${name}`,
  )
  const marked: Record<string, unknown> = { ...fields }
  for (const [index, name] of varying.entries())
    if (fields[name] !== null) marked[name] = marks[index]
  const root = buildMessage(marked as unknown as OutgoingMessage, classes)
  const template = Template.of(root, marks, descriptionIn(message)?.slots)
  const written = template?.write(varying.map((name) => fields[name] as SlotValue))
  const built = writeJavaStream(buildMessage(message, classes))
  return written?.equals(built) === true ? template : null
}
