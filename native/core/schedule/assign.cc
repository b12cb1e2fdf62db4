// How many cores where (A12 to A14). Walks candidates only as far as the demand goes, with the very
// outcome of Spark's rounds over all usable workers: the first round meets them in order, later
// rounds only those that the first one gave something.
#include <algorithm>

#include "core/limits.h"
#include "core/schedule/schedule.h"

namespace magneto::core {

namespace {

class Assigner {
 public:
  Assigner(const Core& core, const Application& application, const Request& request)
      : core_(core),
        shape_(*request.shape),
        chunk_(shape_.min_cores),
        greedy_(request.cores == 0),
        cores_left_(application.cores_left()) {
    const uint64_t room = limits::max_executors_per_application - application.executors.size();
    executors_left_ = std::min<uint64_t>(request.target - request.executors, room);
  }

  std::vector<Assignment> run() {
    switch (core_.config.selection_policy) {
      case SelectionPolicy::cores_free_desc:
        descend(chunk_);
        break;
      case SelectionPolicy::memory_free_desc:
        descend(shape_.memory_mb);
        break;
      case SelectionPolicy::cores_free_asc:
        ascend(chunk_);
        break;
      case SelectionPolicy::memory_free_asc:
        ascend(shape_.memory_mb);
        break;
      case SelectionPolicy::worker_id:
        ascend(0);
        break;
    }
    if (core_.config.spread_out_apps) spread();
    return std::move(assigned_);
  }

 private:
  // A11: descending is ascending (key, id) reversed, so ties go to the larger id.
  void descend(uint64_t least_key) {
    const auto& candidates = shape_.runtime->candidates;
    for (auto at = candidates.rbegin(); at != candidates.rend() && at->key >= least_key; ++at)
      if (!offer(*at->worker)) return;
  }

  void ascend(uint64_t least_key) {
    const auto& candidates = shape_.runtime->candidates;
    for (auto at = candidates.lower_bound({least_key, nullptr}); at != candidates.end(); ++at)
      if (!offer(*at->worker)) return;
  }

  // First round. False: the demand for new executors is met.
  bool offer(Worker& worker) {
    if (cores_left_ < chunk_ || executors_left_ == 0) return false;
    if (!fits(worker, shape_)) return true;
    Assignment assignment{&worker, 0, 0};
    do take(assignment);
    while (!core_.config.spread_out_apps && can_take(assignment));
    assigned_.push_back(assignment);
    return true;
  }

  void take(Assignment& assignment) {
    assignment.cores += chunk_;
    cores_left_ -= chunk_;
    if (greedy_ && assignment.executors == 1) return;  // A13: it grows
    ++assignment.executors;
    --executors_left_;
  }

  bool can_take(const Assignment& assignment) const {
    const Worker& worker = *assignment.worker;
    if (cores_left_ < chunk_ || worker.cores_free() - assignment.cores < chunk_) return false;
    if (greedy_) return true;  // A14: no memory, resource or limit check for more cores
    if (executors_left_ == 0) return false;
    const uint64_t with_one_more = uint64_t{assignment.executors} + 1;
    if (worker.memory_free_mb() < with_one_more * shape_.memory_mb) return false;
    for (const auto& [name, amount] : shape_.resources)
      if (resource_free(worker, name) < with_one_more * amount) return false;
    return true;
  }

  void spread() {
    std::vector<size_t> open;
    for (size_t at = 0; at < assigned_.size(); ++at)
      if (can_take(assigned_[at])) open.push_back(at);
    while (!open.empty()) {
      for (const size_t at : open)
        if (can_take(assigned_[at])) take(assigned_[at]);
      std::erase_if(open, [this](size_t at) { return !can_take(assigned_[at]); });
    }
  }

  const Core& core_;
  const Shape& shape_;
  const uint32_t chunk_;
  const bool greedy_;
  uint32_t cores_left_;
  uint64_t executors_left_ = 0;
  std::vector<Assignment> assigned_;
};

}  // namespace

std::vector<Assignment> assign(const Core& core, const Application& application,
                               const Request& request) {
  MAGNETO_ASSERT(wants(application, request));
  return Assigner(core, application, request).run();
}

}  // namespace magneto::core
