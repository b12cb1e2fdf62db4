// A driver that fails.
console.error('I fail')
process.exitCode = 3
