/** A launcher thread: runs what threads.ts asks for, any number of tasks at once. */
import { parentPort, type MessagePort } from 'node:worker_threads'

import { runDriver } from './driver-task.js'
import * as tasks from './task.js'

/** What a thread can be asked for. */
const functions = { ...tasks, runDriver }

export type TaskName = Exclude<keyof typeof functions, 'explain'>

export interface TaskOrder {
  id: number
  name: TaskName
  task: unknown
}

export type TaskAnswer =
  | { id: number; kind: 'done'; result: unknown }
  | { id: number; kind: 'failed'; error: unknown }

async function run(port: MessagePort, { id, name, task }: TaskOrder): Promise<void> {
  let answer: TaskAnswer
  try {
    const work = functions[name] as (given: unknown) => unknown
    answer = { id, kind: 'done', result: await work(task) }
  } catch (error) {
    answer = { id, kind: 'failed', error }
  }
  port.postMessage(answer)
}

if (parentPort === null) throw new Error('this module is the start of a thread')
const main = parentPort
main.on('message', (order: TaskOrder) => void run(main, order))
