// Reads Driftline's alerts and prints a line of each: node consume_alerts.mjs [BOOTSTRAP [GROUP [TOPIC]]]
// Needs kafkajs (npm install kafkajs). The offset is committed after eachMessage: each alert is dealt with at least once.
// A repeated state change has the same ce_id. Records of another type, such as a later version, are said and left out.
import kafkajs from 'kafkajs'

const [bootstrap = '127.0.0.1:29092', group = 'my-team', topic = 'driftline.alerts'] = process.argv.slice(2)
const kafka = new kafkajs.Kafka({ brokers: bootstrap.split(','), logLevel: kafkajs.logLevel.ERROR })
const consumer = kafka.consumer({ groupId: group })
const seen = []
await consumer.connect()
await consumer.subscribe({ topic, fromBeginning: true })
await consumer.run({
  eachMessage: async ({ message }) => {
    const type = message.headers.ce_type?.toString()
    const id = message.headers.ce_id?.toString()
    if (type !== 'driftline.alert.v1') return console.error(`offset ${message.offset} left out, it is a ${type}`)
    if (seen.includes(id)) return
    const alert = JSON.parse(message.value)
    console.log(alert.state, alert.level, alert.summary, '→', alert.runbook)
    if (seen.push(id) > 500) seen.shift()
  },
})
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => consumer.disconnect())
