// Reads Driftline's alerts and prints a line of each: node consume_alerts.mjs [BOOTSTRAP [GROUP [TOPIC]]]
// Needs kafkajs (npm install kafkajs). The offset is committed after eachMessage: each alert is dealt with at least once.
import kafkajs from 'kafkajs'

const [bootstrap = '127.0.0.1:29092', group = 'my-team', topic = 'driftline.alerts'] = process.argv.slice(2)
const kafka = new kafkajs.Kafka({ brokers: bootstrap.split(','), logLevel: kafkajs.logLevel.ERROR })
const consumer = kafka.consumer({ groupId: group })
await consumer.connect()
await consumer.subscribe({ topic, fromBeginning: true })
await consumer.run({
  eachMessage: async ({ message }) => {
    const alert = JSON.parse(message.value.toString())
    console.log(alert.state, alert.level, alert.summary, '→', alert.runbook)
  },
})
