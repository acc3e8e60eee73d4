// Adds up what the suites reported and prints the one line that counts.
import { existsSync, readFileSync } from 'node:fs'

let passed = 0
let failed = 0

function addLines(file) {
  if (!existsSync(file)) return
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const match = /(\d+) passed, (\d+) failed/.exec(line)
    if (!match) continue
    passed += Number(match[1])
    failed += Number(match[2])
  }
}

const tests = 'test-results/vitest.json'
if (existsSync(tests)) {
  const report = JSON.parse(readFileSync(tests, 'utf8'))
  passed += report.numPassedTests
  failed += report.numFailedTests
} else {
  // A run that wrote no report has proven nothing.
  failed += 1
}
for (const file of ['test-results/totals.txt', 'test-results/conformance.txt', 'test-results/readme.txt'])
  addLines(file)

console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
