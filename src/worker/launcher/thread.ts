/** A launcher thread: runs what threads.ts asks for, any number of tasks at once. */
import { parentPort, workerData } from 'node:worker_threads'

import { GuardianLines } from '../guardian-lines.js'
import { makeArchive } from '../class-data/make.js'
import { runDriver } from './driver-task.js'
import { Outbox } from './outbox.js'
import type { ChildNote } from './request.js'
import * as tasks from './task.js'

/** What a thread can be asked for. */
const functions = { ...tasks, runDriver, makeArchive }

export type TaskName = Exclude<keyof typeof functions, 'explain'>

/** What is the same for all that a thread runs. */
export interface ThreadData {
  /** Where the worker's guardian is told of starts and ends; open for as long as launcher threads live. */
  guardianFd: number
}

/** `kill`: the child of that task is to end (T8). Any number of times, also when the task is over. */
export type ToThread =
  | { id: number; kind: 'run'; name: TaskName; task: unknown }
  | { id: number; kind: 'kill' }

/** Any number of notes, and then one of the others. */
export type FromThread =
  | { id: number; kind: 'note'; note: ChildNote }
  | { id: number; kind: 'done'; result: unknown }
  | { id: number; kind: 'failed'; error: unknown }

if (parentPort === null) throw new Error('this module is the start of a thread')
const main = parentPort
const outbox = new Outbox<FromThread>((messages) => main.postMessage(messages, []))
const guardian = new GuardianLines((workerData as ThreadData).guardianFd)
/** By the task's id. */
const running = new Map<number, AbortController>()

async function run(id: number, name: TaskName, task: unknown): Promise<void> {
  const killed = new AbortController()
  running.set(id, killed)
  const tell = (note: ChildNote): void => outbox.post({ id, kind: 'note', note })
  try {
    const work = functions[name] as (given: unknown, context: tasks.TaskContext) => unknown
    const result = await work(task, { killed: killed.signal, tell, guardian })
    outbox.post({ id, kind: 'done', result })
  } catch (error) {
    outbox.post({ id, kind: 'failed', error })
  } finally {
    running.delete(id)
  }
}

main.on('message', (messages: readonly ToThread[]) => {
  for (const message of messages) {
    if (message.kind === 'run') void run(message.id, message.name, message.task)
    else running.get(message.id)?.abort()
  }
})
