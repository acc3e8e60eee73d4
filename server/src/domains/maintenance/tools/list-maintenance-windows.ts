import { z } from 'zod'
import { listInput, listOutput, pageEnd, pageStart } from '../../../identity/fields.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { presentWindow, windowLine, windowShape } from '../present.ts'
import { listWindows } from '../settings.ts'

export default defineTool({
  name: 'list_maintenance_windows',
  title: 'List maintenance windows',
  description:
    'Lists when people work on devices on purpose: which devices, how often, whether a window is open now and when it opens next. Alerts of a window are recorded and nobody is told. Reads only.',
  area: 'alerts',
  surfaces: ['mcp', 'console', 'cli', 'rest'],
  byArea: true,
  actions: { tier: 1, permission: 'monitoring.read' },
  input: z.object({ text: z.string().min(1).max(200).optional().describe('Part of the name.'), ...listInput }),
  output: z.object({ windows: z.array(windowShape), ...listOutput }),
  async run({ tx, caller, now }, { text, limit, cursor }) {
    const after = pageStart('maintenance_windows', { text }, cursor)
    const { rows, counted, next } = await listWindows(tx, caller, { text, limit, after })
    return { windows: rows, caller, now: now(), page: pageEnd('maintenance_windows', { text }, counted, next) }
  },
  present: ({ windows, caller, now, page }) => ({
    text: [`${page.total} maintenance windows.`, ...windows.map(windowLine)].join('\n'),
    data: { windows: windows.map((window) => presentWindow(window, caller, now)), ...page },
  }),
})
