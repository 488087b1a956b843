// First come, first served on identical one-core hosts in SimGrid, with its energy plugin: one peer of bench_peers.py.
//
// Usage: fcfs JOBS.csv HOSTS STEP_S IDLE_W FULL_W energy|power|schedule
// JOBS.csv has a head line and id,submit,nres,runtime,… with nres = 1, by submission. Every STEP_S seconds, from 0 to
// the last end, every host is asked for the energy that it consumed, or for its power (held until the next reading), or
// for nothing. Prints one JSON object; loop_s is the wall time of Engine::run(). For SimGrid 3.32 (Debian 12).
//
// As quick as SimGrid was made to go here: hosts without links (nothing is sent), stacks of 64 KiB, no log, an actor
// that stays on its host and takes the next job while any waits, and one update of all energies in place of one by host.

#include <simgrid/plugins/energy.h>
#include <simgrid/s4u.hpp>
#include <simgrid/version.h>
#include <xbt/log.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <fstream>
#include <functional>
#include <queue>
#include <sstream>
#include <string>
#include <vector>

namespace sg4 = simgrid::s4u;

namespace {

constexpr double SPEED = 1e9; // flop/s: a job of t seconds is t * SPEED flop
constexpr double J_PER_KWH = 3.6e6;

struct Job {
  double submit_s;
  double runtime_s;
};

struct World {
  std::vector<Job> jobs;
  std::vector<sg4::Host*> hosts;
  std::priority_queue<int, std::vector<int>, std::greater<>> idle; // the lowest number first
  std::deque<int> waiting;
  double wait_s = 0, end_s = 0, meter_sum_kwh = 0;
  long samples = 0;
};

[[noreturn]] void refuse(const std::string& text) {
  std::fprintf(stderr, "fcfs: %s\n", text.c_str());
  std::exit(2);
}

std::vector<Job> read_jobs(const std::string& path) {
  std::ifstream file(path);
  if (!file)
    refuse("cannot read " + path);
  std::vector<Job> jobs;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    long id = 0, nres = 0;
    Job job{};
    if (std::sscanf(line.c_str(), "%ld,%lf,%ld,%lf", &id, &job.submit_s, &nres, &job.runtime_s) != 4)
      refuse("not a job: " + line);
    if (nres != 1 || !(job.runtime_s > 0) || !(job.submit_s >= 0))
      refuse("nres must be 1, runtime over 0, submit at least 0: " + line);
    if (!jobs.empty() && job.submit_s < jobs.back().submit_s)
      refuse("jobs must be in order of submission: " + line);
    jobs.push_back(job);
  }
  if (jobs.empty())
    refuse("no job in " + path);
  return jobs;
}

// Runs what waits on one host until nothing waits, then gives the host back.
void serve(World& world, int host) {
  while (!world.waiting.empty()) {
    const Job& job = world.jobs[world.waiting.front()];
    world.waiting.pop_front();
    world.wait_s += sg4::Engine::get_clock() - job.submit_s;
    sg4::this_actor::execute(job.runtime_s * SPEED);
    world.end_s = std::max(world.end_s, sg4::Engine::get_clock());
  }
  world.idle.push(host);
}

void submit(World& world) {
  for (int number = 0; number < static_cast<int>(world.jobs.size()); ++number) {
    sg4::this_actor::sleep_until(world.jobs[number].submit_s);
    world.waiting.push_back(number);
    if (!world.idle.empty()) {
      const int host = world.idle.top();
      world.idle.pop();
      sg4::Actor::create("job", world.hosts[host], [&world, host] { serve(world, host); });
      sg4::this_actor::yield(); // it takes its job before the next one looks for a host
    }
  }
}

void read_energies(World& world, double step_s) {
  for (long reading = 0;; ++reading) {
    sg4::this_actor::sleep_until(static_cast<double>(reading) * step_s);
    sg_host_energy_update_all();
    for (const sg4::Host* host : world.hosts)
      world.meter_sum_kwh += sg_host_get_consumed_energy(host) / J_PER_KWH;
    world.samples += static_cast<long>(world.hosts.size());
  }
}

void read_powers(World& world, double step_s) {
  double consumed_kwh = 0;
  for (long reading = 0;; ++reading) {
    sg4::this_actor::sleep_until(static_cast<double>(reading) * step_s);
    world.meter_sum_kwh += consumed_kwh;
    for (const sg4::Host* host : world.hosts)
      consumed_kwh += sg_host_get_current_consumption(host) * step_s / J_PER_KWH;
    world.samples += static_cast<long>(world.hosts.size());
  }
}

double peak_rss_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("VmHWM:", 0) == 0)
      return std::stod(line.substr(6)) / 1024;
  return -1;
}

} // namespace

int main(int argc, char** argv) {
  sg_host_energy_plugin_init();
  sg4::Engine engine(&argc, argv);
  sg4::Engine::set_config("contexts/stack-size", 64);
  xbt_log_control_set("host_energy.thres:critical"); // or it prints a line for every host at the end
  if (argc != 7)
    refuse("usage: fcfs JOBS.csv HOSTS STEP_S IDLE_W FULL_W energy|power|schedule");
  const std::string rung = argv[6];
  if (rung != "energy" && rung != "power" && rung != "schedule")
    refuse("not energy, power or schedule: " + rung);
  const int hosts = std::atoi(argv[2]);
  const double step_s = std::atof(argv[3]), idle_w = std::atof(argv[4]), full_w = std::atof(argv[5]);
  if (hosts < 1 || !(step_s > 0) || !(idle_w >= 0) || !(full_w >= idle_w))
    refuse("HOSTS must be at least 1, STEP_S over 0 and 0 <= IDLE_W <= FULL_W");

  World world;
  world.jobs = read_jobs(argv[1]);
  std::ostringstream watts; // idle : least load : full
  watts << idle_w << ':' << idle_w << ':' << full_w;
  auto* zone = sg4::create_full_zone("fleet");
  for (int number = 0; number < hosts; ++number) {
    auto* host = zone->create_host("host-" + std::to_string(number), SPEED);
    host->set_property("wattage_per_state", watts.str())->seal();
    world.hosts.push_back(host);
    world.idle.push(number);
  }
  zone->seal();
  sg4::Actor::create("submit", world.hosts[0], [&world] { submit(world); });
  if (rung != "schedule")
    sg4::Actor::create("meter", world.hosts[0], [&world, step_s, read = rung == "power" ? read_powers : read_energies] {
      read(world, step_s);
    })->daemonize();

  const auto begun = std::chrono::steady_clock::now();
  const std::clock_t spent = std::clock();
  engine.run();
  const double loop_cpu_s = static_cast<double>(std::clock() - spent) / CLOCKS_PER_SEC;
  const std::chrono::duration<double> loop_s = std::chrono::steady_clock::now() - begun;

  double energy_kwh = 0;
  for (const sg4::Host* host : world.hosts)
    energy_kwh += sg_host_get_consumed_energy(host) / J_PER_KWH;
  std::printf("{\"mean_wait_s\": %.9f, \"energy_kwh\": %.9f, \"end_s\": %.6f, \"samples\": %ld, ",
              world.wait_s / static_cast<double>(world.jobs.size()), energy_kwh, world.end_s, world.samples);
  if (world.samples > 0)
    std::printf("\"meter_sum_kwh\": %.6f, ", world.meter_sum_kwh);
  std::printf("\"loop_s\": %.6f, \"loop_cpu_s\": %.6f, \"peak_rss_mib\": %.1f, \"version\": \"%d.%d\"}\n",
              loop_s.count(), loop_cpu_s, peak_rss_mib(), SIMGRID_VERSION_MAJOR, SIMGRID_VERSION_MINOR);
  return 0;
}
