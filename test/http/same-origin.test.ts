import { expect, test } from 'vitest'
import { crossSiteReason } from '../../src/http/same-origin.js'

test.each([
  [{ host: 'm:8080' }],
  [{ host: 'm:8080', 'sec-fetch-site': 'same-origin' }],
  [{ host: 'm:8080', 'sec-fetch-site': 'none' }],
  [{ host: 'm:8080', origin: 'http://m:8080' }],
  [{ host: 'm', origin: 'http://m:80' }],
  [{ host: 'm:8080', referer: 'http://m:8080/app/?appId=1' }],
  [{ host: 'inside:1', origin: 'https://outside', 'sec-fetch-site': 'same-origin' }],
])('%j may act', (headers) => {
  expect(crossSiteReason(headers)).toBeNull()
})

test.each([
  [{ host: 'm:8080', 'sec-fetch-site': 'cross-site' }],
  [{ host: 'm:8080', 'sec-fetch-site': 'same-site' }],
  [{ host: 'm:8080', origin: 'http://evil' }],
  [{ host: 'm:8080', origin: 'http://m:8081' }],
  [{ host: 'm:8080', origin: 'null' }],
  [{ host: 'm:8080', referer: 'http://evil/m:8080' }],
  [{ origin: 'http://m:8080' }],
])('%j may not act', (headers) => {
  expect(crossSiteReason(headers)).not.toBeNull()
})
