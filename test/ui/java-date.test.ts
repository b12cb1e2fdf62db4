import { expect, test } from 'vitest'
import { javaDateText } from '../../src/ui/java-date.js'

const ms = Date.UTC(2026, 10, 21, 5, 0, 0)

// Expected values: what Java's Date.toString prints under -Duser.timezone of that name.
test.each([
  ['UTC', 'Sat Nov 21 05:00:00 UTC 2026'],
  ['Europe/Berlin', 'Sat Nov 21 06:00:00 CET 2026'],
  ['America/New_York', 'Sat Nov 21 00:00:00 EST 2026'],
  ['Asia/Kolkata', 'Sat Nov 21 10:30:00 IST 2026'],
])('J3: a date in %s', (zone, expected) => {
  expect(javaDateText(ms, zone)).toBe(expected)
})

test('J3: one digit days and midnight keep two digits', () => {
  expect(javaDateText(Date.UTC(2026, 6, 1, 0, 5, 9), 'UTC')).toBe('Wed Jul 01 00:05:09 UTC 2026')
})
