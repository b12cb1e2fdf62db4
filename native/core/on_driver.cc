#include "core/core.h"

namespace magneto::core {

void on_submit_driver(Core&, Session, const SubmitDriver&) {}
void on_request_kill_driver(Core&, Session, const RequestKillDriver&) {}
void on_request_kill_all_drivers(Core&, Session, const RequestKillAllDrivers&) {}
void on_request_driver_status(Core&, Session, const RequestDriverStatus&) {}
void on_driver_state_changed(Core&, Session, const DriverStateChanged&) {}
void lose_driver(Core&, Driver&) {}
void on_decommission_workers_on_hosts(Core&, Session, const DecommissionWorkersOnHosts&) {}
void on_worker_decommissioning(Core&, Session, const WorkerDecommissioning&) {}
void on_request_clear_completed(Core&, Session, const RequestClearCompleted&) {}
void on_request_readyz(Core&, Session, const RequestReadyz&) {}

}  // namespace magneto::core
