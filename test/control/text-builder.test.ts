import { Builder } from 'flatbuffers'
import { expect, test, vi } from 'vitest'
import { TextBuilder } from '../../src/control/text-builder.js'

const FIRST_BYTES = 16

function written(builder: Builder, texts: readonly (string | Uint8Array)[]): Uint8Array {
  const offsets = texts.map((text) => builder.createString(text))
  builder.startVector(4, offsets.length, 4)
  for (const offset of offsets) builder.addOffset(offset)
  builder.finish(builder.endVector())
  return builder.asUint8Array()
}

const lengths = [0, 1, 2, 3, 4, 5, 31, 63, 64, 65, 66, 1000]

test.each([
  ['ASCII', lengths.map((length) => 'x'.repeat(length))],
  ['the first and the last character of ASCII', ['\0', '\u007f', 'a\0b\u007f']],
  ['Latin-1', ['\u0080', '\u00ff', 'Wörker', `${'x'.repeat(63)}ö`, `ö${'x'.repeat(63)}`]],
  ['wider characters', ['二', '€', '\uffff', 'host-二.example']],
  ['surrogates', ['\u{1f600}', 'a\u{1f600}b']],
  ['lone surrogates', ['\ud83d', '\ude00', 'a\ud83db', '\ude00\ud83d']],
  ['bytes', [new Uint8Array(), new Uint8Array([0, 1, 128, 255])]],
])('%s is written as the base writes it', (_what, texts: (string | Uint8Array)[]) => {
  const ours = new TextBuilder(FIRST_BYTES)
  for (const some of [texts, texts.toReversed(), ...texts.map((text) => [text])]) {
    ours.clear()
    expect(written(ours, some)).toEqual(written(new Builder(FIRST_BYTES), some))
  }
})

test('what is no text has no offset', () => {
  expect(new TextBuilder().createString(null)).toBe(new Builder().createString(null))
  expect(new TextBuilder().createString(undefined)).toBe(0)
})

test('short ASCII does without the encoder, which anything else needs', () => {
  const encode = vi.spyOn(TextEncoder.prototype, 'encode')
  const builder = new TextBuilder()
  builder.createString('worker-20261122033000-10.0.0.1-7078')
  expect(encode).not.toHaveBeenCalled()
  builder.createString('Wörker')
  expect(encode).toHaveBeenCalledOnce()
})

test('a text inside an open table is refused, as the base refuses it', () => {
  const builder = new TextBuilder()
  builder.startObject(1)
  expect(() => builder.createString('x')).toThrow('must not be nested')
})
