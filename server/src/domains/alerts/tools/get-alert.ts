import { z } from 'zod'
import { deviceData } from '../../../kernel/content/device-text.ts'
import { notFound } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { describeAlert } from '../describe.ts'
import { wholeAlert } from '../one.ts'
import { alertShape, presentAlert } from '../present.ts'

const event = z.object({ kind: z.string(), at: z.string(), by: z.string().nullable(), note: z.string().nullable() })
const stoodFor = z.object({ id: z.string(), severity: z.string(), title: z.string(), device: z.string().nullable() })

export default defineTool({
  name: 'get_alert',
  title: 'Get one alert',
  description:
    'One alert whole: what was recorded when it opened, what the device said then, its history, and the alerts it stands for. fetch alert:<id> tells the same as text.',
  area: 'alerts',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  byArea: true,
  actions: { tier: 1, permission: 'alerts.read' },
  deviceText: true,
  input: z.object({ alert: z.uuid() }),
  output: z.object({
    alert: alertShape,
    recorded: z.record(z.string(), z.unknown()),
    device_text: deviceData().optional(),
    history: z.array(event).describe('The latest, oldest first.'),
    stands_for: z.array(stoodFor).describe('The worst first, at most 20.'),
  }),
  async run({ tx }, { alert }) {
    const whole = await wholeAlert(tx, alert.toLowerCase())
    if (!whole) throw notFound('alert', alert)
    return whole
  },
  present(whole) {
    const { device_text: said, ...recorded } = whole.recorded
    return {
      text: describeAlert(whole),
      data: {
        alert: presentAlert(whole.alert),
        recorded,
        ...(said !== undefined && said !== null && { device_text: said }),
        history: whole.events.map(({ at, ...rest }) => ({ ...rest, at: at.toISOString() })),
        stands_for: whole.standsFor,
      },
    }
  },
})
