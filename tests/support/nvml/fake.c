/* A driver for tests: libnvidia-ml.so.1 as far as the agent asks it, answering from a text file.
 *
 * The file that the environment variable FAKE_NVML names is read at every call, so that a test changes
 * the cards by writing it. One line per value, `KEY VALUE`; keys begin with the device's number:
 *
 *     count 2                       0.pci 0000:3b:00.0        0.utilization 87
 *     0.field.83 5000000            0.field.138 !3            1.lost 15
 *     0.process.0 4242 1024 3       0.instance.0 3 0 MIG-x 5 10
 *
 * A value `!N` is NVML's error N; a missing one is NVML_ERROR_NOT_SUPPORTED. `hang 1` blocks every call
 * for as long as the file says so. Signatures and structures: NVML API Reference Guide.
 */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, SMALL = 7, NOT_LOADED = 9 };
enum { LINE = 512, FILE_SIZE = 1 << 16, PLACES = 16, FIRST_INSTANCE = 1000, UNSIGNED = 1, UNSIGNED_LONG_LONG = 3 };

typedef void *device_t;
typedef unsigned long long u64;
typedef struct { unsigned version, count; void *first, *second; struct metric {
    unsigned id; int result; double value; const char *names[3]; } metrics[]; } metrics_t;
typedef struct { unsigned id, scope; long long time, latency; unsigned type; int result;
    union { double d; unsigned ui; u64 ull; } value; } field_t;
typedef struct { unsigned pid; u64 used; unsigned gpu_instance, compute_instance; } process_t;

static unsigned refusals;

unsigned fake_refusals(void) { return refusals; }

/* The text of the file; with FAKE_NVML_ONCE as it was at the first call, for measurements. */
static const char *content(void) {
    static char text[FILE_SIZE];
    static int kept;
    if (kept && getenv("FAKE_NVML_ONCE")) return text;
    const char *path = getenv("FAKE_NVML");
    FILE *file = path ? fopen(path, "r") : NULL;
    size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[length] = 0;
    if (file) fclose(file);
    kept = 1;
    return text;
}

/* Copy the value of a key, cut to a line's size; return whether there is one. */
static int look(const char *key, char *value) {
    size_t length = strlen(key);
    for (const char *line = content(); *line;) {
        size_t end = strcspn(line, "\n");
        if (end > length && !strncmp(line, key, length) && line[length] == ' ') {
            snprintf(value, LINE, "%.*s", (int)(end - length - 1), line + length + 1);
            return 1;
        }
        line += end + (line[end] == '\n');
    }
    return 0;
}

static void wait_while_hanging(void) {
    char value[LINE];
    while (look("hang", value) && *value != '0') usleep(10000);
}

static int text(const char *key, char *value) {
    if (!look(key, value)) { refusals++; return NOT_SUPPORTED; }
    return *value == '!' ? atoi(value + 1) : OK;
}

static int number_of(const char *key, u64 *out) {
    char value[LINE];
    int result = text(key, value);
    if (result == OK) *out = strtoull(value, NULL, 10);
    return result;
}

static int place_of(device_t device) {
    long number = (long)device;
    return number >= FIRST_INSTANCE ? (int)((number - FIRST_INSTANCE) / PLACES) : (int)number - 1;
}

/* Every question about a device goes through here: it may hang, and the device may be lost. */
static int text_of(device_t device, const char *name, char *value) {
    char key[LINE];
    u64 lost;
    unsigned before = refusals;
    wait_while_hanging();
    snprintf(key, sizeof key, "%d.lost", place_of(device));
    if (number_of(key, &lost) == OK && lost) return (int)lost;
    refusals = before;
    snprintf(key, sizeof key, "%d.%s", place_of(device), name);
    return text(key, value);
}

static int value_of(device_t device, const char *name, u64 *out) {
    char value[LINE];
    int result = text_of(device, name, value);
    if (result == OK) *out = strtoull(value, NULL, 10);
    return result;
}

static int small_of(device_t device, const char *name, unsigned *out) {
    u64 value = 0;
    int result = value_of(device, name, &value);
    if (result == OK) *out = (unsigned)value;
    return result;
}

static int instance_of(device_t device, unsigned *gpu, unsigned *compute, char *uuid, u64 *used, u64 *total) {
    char name[LINE], value[LINE];
    snprintf(name, sizeof name, "instance.%ld", ((long)device - FIRST_INSTANCE) % PLACES);
    int result = text_of(device, name, value);
    if (result != OK) return result;
    return sscanf(value, "%u %u %79s %llu %llu", gpu, compute, uuid, used, total) == 5 ? OK : INVALID;
}

static int is_instance(device_t device) { return (long)device >= FIRST_INSTANCE; }

int nvmlInitWithFlags(unsigned flags) {
    u64 count;
    (void)flags;
    wait_while_hanging();
    int result = number_of("count", &count);
    return result == NOT_SUPPORTED ? NOT_LOADED : result;
}

int nvmlShutdown(void) { wait_while_hanging(); return OK; }

const char *nvmlErrorString(int result) {
    static char words[LINE];
    snprintf(words, sizeof words, "error %d", result);
    return words;
}

int nvmlDeviceGetCount_v2(unsigned *count) {
    u64 value = 0;
    int result = number_of("count", &value);
    *count = (unsigned)value;
    return result;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, device_t *device) {
    char key[LINE];
    u64 error = 0;
    snprintf(key, sizeof key, "%u.unreachable", index);
    *device = (device_t)(long)(index + 1);
    return number_of(key, &error) == OK ? (int)error : OK;
}

int nvmlDeviceGetPciInfo_v3(device_t device, void *out) {
    struct { char legacy[16]; unsigned domain, bus, device, id, subsystem; char bus_id[32]; } *info = out;
    char value[LINE];
    int result = text_of(device, "pci", value);
    if (result != OK) return result;
    memset(info, 0, sizeof *info);
    snprintf(info->legacy, sizeof info->legacy, "%.12s", value);
    snprintf(info->bus_id, sizeof info->bus_id, "0000%.12s", value);
    return sscanf(value, "%x:%x:%x", &info->domain, &info->bus, &info->device) == 3 ? OK : INVALID;
}

static int copy(int result, const char *value, char *out, unsigned size) {
    if (result == OK) snprintf(out, size, "%s", value);
    return result;
}

int nvmlDeviceGetUUID(device_t device, char *out, unsigned size) {
    char value[LINE];
    unsigned gpu, compute;
    u64 used, total;
    int result = is_instance(device) ? instance_of(device, &gpu, &compute, value, &used, &total)
                                     : text_of(device, "uuid", value);
    return copy(result, value, out, size);
}

int nvmlDeviceGetName(device_t device, char *out, unsigned size) {
    char value[LINE];
    return copy(text_of(device, "name", value), value, out, size);
}

#define SMALL_NUMBER(function, name) \
    int function(device_t device, unsigned *out) { return small_of(device, name, out); }
#define TWO_NUMBERS(function, name, second) \
    int function(device_t device, unsigned *out, unsigned *other) { \
        *other = second; return small_of(device, name, out); }

SMALL_NUMBER(nvmlDeviceGetMinorNumber, "minor")
SMALL_NUMBER(nvmlDeviceGetPowerUsage, "power_mw")
SMALL_NUMBER(nvmlDeviceGetEnforcedPowerLimit, "power_limit_mw")
SMALL_NUMBER(nvmlDeviceGetFanSpeed, "fan")
SMALL_NUMBER(nvmlDeviceGetCurrPcieLinkGeneration, "pcie_generation")
SMALL_NUMBER(nvmlDeviceGetCurrPcieLinkWidth, "pcie_width")
TWO_NUMBERS(nvmlDeviceGetEncoderUtilization, "encoder", 100000)
TWO_NUMBERS(nvmlDeviceGetDecoderUtilization, "decoder", 100000)
TWO_NUMBERS(nvmlDeviceGetMigMode, "mig", 0)

int nvmlDeviceGetUtilizationRates(device_t device, unsigned *out) {
    int result = small_of(device, "utilization", &out[0]);
    return result == OK ? small_of(device, "memory_utilization", &out[1]) : result;
}

static int memory(device_t device, u64 *used, u64 *total) {
    unsigned gpu, compute;
    char uuid[80];
    if (is_instance(device)) return instance_of(device, &gpu, &compute, uuid, used, total);
    int result = value_of(device, "memory_used", used);
    return result == OK ? value_of(device, "memory_total", total) : result;
}

int nvmlDeviceGetMemoryInfo(device_t device, u64 *out) { return memory(device, &out[2], &out[0]); }

int nvmlDeviceGetMemoryInfo_v2(device_t device, void *out) {
    struct { unsigned version; u64 total, reserved, free, used; } *info = out;
    u64 old;
    unsigned before = refusals;
    if (value_of(device, "old_driver", &old) == OK) return NOT_SUPPORTED;
    refusals = before;
    return memory(device, &info->used, &info->total);
}

int nvmlDeviceGetClockInfo(device_t device, unsigned which, unsigned *out) {
    return small_of(device, which == 1 ? "clock_sm" : "clock_mem", out);
}

int nvmlDeviceGetMaxClockInfo(device_t device, unsigned which, unsigned *out) {
    return small_of(device, which == 1 ? "clock_sm_max" : "clock_mem_max", out);
}

int nvmlDeviceGetTemperatureV(device_t device, void *out) {
    struct { unsigned version, sensor; int temperature; } *info = out;
    return small_of(device, "temperature", (unsigned *)&info->temperature);
}

int nvmlDeviceGetCurrentClocksEventReasons(device_t device, u64 *out) {
    return value_of(device, "throttle_reasons", out);
}

int nvmlDeviceGetPcieThroughput(device_t device, unsigned counter, unsigned *out) {
    return small_of(device, counter == 0 ? "pcie_tx_kb" : "pcie_rx_kb", out);
}

int nvmlDeviceGetFieldValues(device_t device, int count, field_t *fields) {
    char name[LINE];
    u64 here;
    int result = value_of(device, "fields", &here);
    if (result != OK) return result;
    for (int i = 0; i < count; i++) {
        u64 value = 0;
        snprintf(name, sizeof name, "field.%u", fields[i].id);
        fields[i].result = value_of(device, name, &value);
        fields[i].type = fields[i].id == 82 ? UNSIGNED : UNSIGNED_LONG_LONG;
        fields[i].value.ull = 0xdeadbeef00000000; /* what a narrow type leaves beside it */
        if (fields[i].type == UNSIGNED) fields[i].value.ui = (unsigned)value;
        else fields[i].value.ull = value;
    }
    return OK;
}

static int processes(device_t device, const char *told, const char *key, unsigned *count, process_t *out) {
    char name[LINE], value[LINE];
    unsigned there = 0;
    u64 yes;
    int result = value_of(device, told, &yes);
    if (result != OK) return result;
    for (;; there++) {
        process_t one = {0};
        snprintf(name, sizeof name, "%s.%u", key, there);
        if (text_of(device, name, value) != OK) { refusals--; break; } /* the end of the list */
        sscanf(value, "%u %llu %u", &one.pid, &one.used, &one.gpu_instance);
        if (out && there < *count) out[there] = one;
    }
    result = there == 0 || (out && there <= *count) ? OK : SMALL;
    *count = there;
    return result;
}

int nvmlDeviceGetComputeRunningProcesses_v3(device_t device, unsigned *count, process_t *out) {
    return processes(device, "tells_processes", "process", count, out);
}

int nvmlDeviceGetMPSComputeRunningProcesses_v3(device_t device, unsigned *count, process_t *out) {
    return processes(device, "tells_clients", "client", count, out);
}

int nvmlDeviceGetMigDeviceHandleByIndex(device_t device, unsigned place, device_t *out) {
    unsigned gpu, compute;
    char uuid[80];
    u64 used, total;
    *out = (device_t)(long)(FIRST_INSTANCE + place_of(device) * PLACES + (long)place);
    unsigned before = refusals;
    int result = instance_of(*out, &gpu, &compute, uuid, &used, &total) == OK ? OK : NOT_FOUND;
    refusals = before;
    return result;
}

int nvmlDeviceGetGpuInstanceId(device_t device, unsigned *out) {
    unsigned compute;
    char uuid[80];
    u64 used, total;
    return instance_of(device, out, &compute, uuid, &used, &total);
}

int nvmlDeviceGetComputeInstanceId(device_t device, unsigned *out) {
    unsigned gpu;
    char uuid[80];
    u64 used, total;
    return instance_of(device, &gpu, out, uuid, &used, &total);
}

typedef struct { int device; int instance; } gpm_t;

int nvmlGpmQueryDeviceSupport(device_t device, unsigned *out) { return small_of(device, "gpm", &out[1]); }

int nvmlGpmSampleAlloc(gpm_t **sample) {
    *sample = calloc(1, sizeof **sample);
    return OK;
}

int nvmlGpmSampleFree(gpm_t *sample) { free(sample); return OK; }

int nvmlGpmSampleGet(device_t device, gpm_t *sample) {
    sample->device = place_of(device);
    sample->instance = -1;
    return OK;
}

int nvmlGpmMigSampleGet(device_t device, unsigned instance, gpm_t *sample) {
    sample->device = place_of(device);
    sample->instance = (int)instance;
    return OK;
}

int nvmlGpmMetricsGet(metrics_t *get) {
    gpm_t *sample = get->second;
    char name[LINE], value[LINE];
    for (unsigned i = 0; i < get->count; i++) {
        if (sample->instance < 0) snprintf(name, sizeof name, "gpm.%u", get->metrics[i].id);
        else snprintf(name, sizeof name, "gpm.%d.%u", sample->instance, get->metrics[i].id);
        get->metrics[i].result = text_of((device_t)(long)(sample->device + 1), name, value);
        if (get->metrics[i].result == OK) get->metrics[i].value = strtod(value, NULL);
    }
    return OK;
}
