export { seriesColour } from './colours'
export { Legend } from './legend'
export { NumberInput } from './number-input'
export { TimeChart, type ChartLine } from './time-chart'
