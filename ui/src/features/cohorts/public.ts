export { MakeCohort } from './make-cohort'
