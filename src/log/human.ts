/** From pino's JSON to Spark's text form: `24/11/21 05:00:00 INFO Master: text key=value`. */

/** Fields that have their own place in the line. */
const PLACED_FIELDS: ReadonlySet<string> = new Set(['level', 'ts', 'logger', 'msg'])

const MAX_STACK_LINES = 50

/** C0 and C1 controls and the Unicode line ends: whatever could start a line or steer a terminal. */
// oxlint-disable-next-line no-control-regex
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g

/** Text of others may hold line ends, which would forge records; they are shown escaped. */
export function escapeControls(text: string): string {
  return text.replace(CONTROL_CHARACTERS, (character) => {
    if (character === '\n') return '\\n'
    if (character === '\r') return '\\r'
    if (character === '\t') return '\\t'
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0')
}

/** Local time, as Spark's log4j pattern writes it: yy/MM/dd HH:mm:ss. */
export function sparkTime(time: Date): string {
  const date = [time.getFullYear() % 100, time.getMonth() + 1, time.getDate()]
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()]
  return `${date.map(twoDigits).join('/')} ${clock.map(twoDigits).join(':')}`
}

let secondMs = 0
let secondText = ''

/** One text for all lines of a second. @param time as the logger writes it */
function sparkTimeOf(time: string): string {
  const atMs = Date.parse(time)
  const startMs = atMs - (atMs % 1000)
  if (startMs !== secondMs) {
    secondMs = startMs
    secondText = sparkTime(new Date(startMs))
  }
  return secondText
}

interface SerializedError {
  message?: unknown
  stack?: unknown
}

/** The stack, each line behind a tab, so that no line of it looks like a record. */
function stackLines(error: SerializedError | undefined): string {
  const stack = error?.stack
  if (typeof stack !== 'string') return ''
  const lines = stack.split('\n').slice(0, MAX_STACK_LINES)
  return lines.map((line) => `\t${escapeControls(line.trim())}\n`).join('')
}

function fieldText(value: unknown): string {
  if (typeof value === 'string') {
    return /^[^\s"=]+$/.test(value) ? escapeControls(value) : escapeControls(JSON.stringify(value))
  }
  return escapeControls(JSON.stringify(value))
}

/** Errors have a place of their own; a plain text under such a name is a field like any other. */
function isSerializedError(value: unknown): value is SerializedError {
  return typeof value === 'object' && value !== null && 'stack' in value
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

/** A line without fields whose texts need no escape, which is most of them: level, time, logger, message. */
const PLAIN_LINE =
  // oxlint-disable-next-line no-control-regex
  /^\{"level":"([A-Z]+)","ts":"([^"\\]+)","logger":"([^"\\]+)","msg":"([^"\\\u0000-\u001f\u007f-\u009f\u2028\u2029]*)"\}\n$/

/** @param json one line as pino writes it @returns the text, with its line end; a stack follows on lines of its own */
export function humanLine(json: string): string {
  const plain = PLAIN_LINE.exec(json)
  if (plain !== null) return `${sparkTimeOf(plain[2]!)} ${plain[1]} ${plain[3]}: ${plain[4]}\n`
  let record: Record<string, unknown>
  try {
    record = JSON.parse(json) as Record<string, unknown>
  } catch {
    return `${escapeControls(json.trimEnd())}\n`
  }
  const error = [record['err'], record['error']].find(isSerializedError)
  const message = escapeControls(asText(record['msg'] ?? error?.message ?? ''))
  const time = sparkTimeOf(asText(record['ts']))
  const fields = Object.entries(record)
    .filter(([name, value]) => !PLACED_FIELDS.has(name) && !isSerializedError(value))
    .map(([name, value]) => ` ${escapeControls(name)}=${fieldText(value)}`)
  const head = `${time} ${asText(record['level'])} ${asText(record['logger'])}`
  return `${head}: ${message}${fields.join('')}\n${stackLines(error)}`
}
