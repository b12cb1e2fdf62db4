/** The terminal of a process: what is taken is given back, whichever way it ends. */
import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { ProcessTerminal, type TerminalProcess } from '../../src/cli/terminal.js'

/** A process with a terminal, and all that is done to both. */
function played({ stdinIsTerminal = true } = {}) {
  const done: string[] = []
  const stdin = Object.assign(new EventEmitter(), {
    isTTY: stdinIsTerminal,
    setRawMode: (mode: boolean) => void done.push(`raw ${mode}`),
    pause: () => void done.push('pause'),
    resume: () => void done.push('resume'),
  })
  const stdout = Object.assign(new EventEmitter(), { columns: 100, rows: 30 })
  const process = Object.assign(new EventEmitter(), {
    pid: 7,
    stdin,
    stdout,
    exit: (status: number) => void done.push(`exit ${status}`),
    kill: (pid: number, signal: string) => void done.push(`kill ${pid} ${signal}`),
  })
  let fault: Error | null = null
  const write = (text: string): void => {
    if (fault !== null) throw fault
    done.push(text === ENTER ? 'screen' : text === LEAVE ? 'back' : text)
  }
  const terminal = new ProcessTerminal(process as unknown as TerminalProcess, write)
  const heard: string[] = []
  const enter = () =>
    terminal.enter({
      onKeys: (keys) => void heard.push(keys),
      onChange: () => void heard.push('change'),
    })
  const listeners = () =>
    [process, stdin, stdout].reduce(
      (count, one) =>
        count + one.eventNames().reduce((sum, name) => sum + one.listenerCount(name), 0),
      0,
    )
  return {
    terminal,
    process,
    stdin,
    stdout,
    done,
    heard,
    enter,
    listeners,
    break: () => {
      fault = new Error('EIO')
    },
  }
}

const ENTER = '\u001B[?1049h\u001B[?25l\u001B[?7l'
const LEAVE = '\u001B[?7h\u001B[?25h\u001B[0m\u001B[?1049l'

test('a screen of its own and single keys, until it is left', () => {
  const { terminal, stdin, stdout, done, heard, enter, listeners } = played()
  enter()
  stdin.emit('data', Buffer.from('q'))
  stdout.emit('resize')
  expect([done, heard]).toEqual([
    ['raw true', 'screen', 'resume'],
    ['q', 'change'],
  ])
  done.length = 0
  terminal.leave()
  terminal.leave()
  stdin.emit('data', Buffer.from('x'))
  expect([done, heard, listeners()]).toEqual([['raw false', 'back', 'pause'], ['q', 'change'], 0])
})

test('whoever ends the process, what was taken is given back, once', () => {
  const { terminal, process, done, enter } = played()
  enter()
  done.length = 0
  process.emit('exit', 143)
  expect(done).toEqual(['raw false', 'back'])
  terminal.leave()
  expect(done).toEqual(['raw false', 'back'])
})

test('a terminal that is gone fails nothing any more', () => {
  const { process, enter, break: broken } = played()
  enter()
  broken()
  expect(() => process.emit('exit', 129)).not.toThrow()
})

test.each<[string, (at: ReturnType<typeof played>) => unknown]>([
  ['HUP', ({ process }) => process.emit('SIGHUP')],
  ['the end of the keys', ({ stdin }) => stdin.emit('end')],
  ['keys that can not be read', ({ stdin }) => stdin.emit('error', new Error('EIO'))],
])('%s ends the process', (_what, happen) => {
  const at = played()
  at.enter()
  happen(at)
  expect(at.done.at(-1)).toBe('exit 129')
})

test('suspended, it gives the terminal back for as long', () => {
  const { terminal, process, done, heard, enter } = played()
  enter()
  done.length = 0
  terminal.suspend()
  expect(done).toEqual(['raw false', 'back', 'kill 7 SIGTSTP', 'raw true', 'screen'])
  expect(heard).toEqual(['change'])
  process.emit('SIGCONT')
  expect(heard).toEqual(['change', 'change'])
})

test('keys from elsewhere are left alone', () => {
  const { terminal, stdin, done, enter } = played({ stdinIsTerminal: false })
  enter()
  expect(stdin.eventNames()).toEqual([])
  terminal.leave()
  expect(done).toEqual(['screen', 'back'])
})

test('a terminal that does not say how large it is counts as a small one', () => {
  const { terminal, stdout } = played()
  expect([terminal.columns, terminal.rows]).toEqual([100, 30])
  Object.assign(stdout, { columns: 0, rows: undefined })
  expect([terminal.columns, terminal.rows]).toEqual([80, 24])
})
