/** The lists of a model as one ClusterView, in Spark's order, for what is about all of them. Pure. */
import { ClusterViewT } from '../../schema/magneto.js'
import { byOrder, workersById, type ClusterModel } from './cluster-model.js'

/** Applications without executors and drivers as the model has them; valid until the model changes. */
export function viewOf(model: ClusterModel): ClusterViewT {
  const lists: Partial<ClusterViewT> = {
    workers: model.workers.ordered(workersById).map(({ worker }) => worker),
    activeApplications: model.activeApplications
      .ordered(byOrder)
      .map(({ application }) => application),
    completedApplications: model.completedApplications
      .ordered(byOrder)
      .map(({ application }) => application),
    activeDrivers: model.activeDrivers.ordered(byOrder).map(({ driver }) => driver),
    completedDrivers: model.completedDrivers.ordered(byOrder).map(({ driver }) => driver),
  }
  return Object.assign(new ClusterViewT(), model.cluster, lists)
}
