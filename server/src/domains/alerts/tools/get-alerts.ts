import { defineTool } from '../../../kernel/tool.ts'
import { listingInput, listingOutput, presentListing, readListing } from '../listing.ts'

export default defineTool({
  name: 'get_alerts',
  title: 'Get alerts',
  description:
    'Lists alerts, the worst first, with value, threshold and occurrences; always with the counts by severity and the devices that need attention first: one call is a triage. Unresolved ones unless status says otherwise. fetch alert:<id> tells one whole.',
  area: 'alerts',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 1, permission: 'alerts.read' },
  input: listingInput,
  output: listingOutput,
  run: readListing,
  present: presentListing,
})
