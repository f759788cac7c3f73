/* A library for tests: libamd_smi.so as far as the agent asks it, answering from a text file.
 *
 * As tests/support/nvml/fake.c: the file that FAKE_AMDSMI names is read at every call, `KEY VALUE` by line,
 * keys begin with the card's number, `!N` is error N, a missing value is AMDSMI_STATUS_NOT_SUPPORTED.
 *
 *     count 2        0.bdf c1:00.0        0.energy 1000000        0.xgmi_read 5 6        0.ppt 17
 *
 * Every other function is there, since the package looks each up, and is not supported: stubs.h, which
 * is made from the package. Signatures and structures: AMD SMI C API reference.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, NOT_SUPPORTED = 2, NOT_INIT = 32, LINE = 512 };

typedef void *handle_t;

typedef struct {
    uint16_t size; uint8_t format, content; uint16_t first[10]; uint64_t energy, clock;
    uint16_t frequencies[14]; uint32_t throttle; uint16_t fan, width, speed, padding0;
    uint32_t activity[2]; uint16_t hbm[4]; uint64_t firmware; uint16_t voltages[4];
    uint64_t independent; uint16_t power, vcn[4], padding2; uint32_t lock; uint16_t xgmi[2]; uint32_t padding3;
    uint64_t pcie[5], xgmi_read[8], xgmi_write[8]; uint16_t clocks[8 + 4 + 4 + 4 + 32]; uint32_t naks[2];
    uint64_t accumulation, prochot, ppt, socket_thm, vr_thm, hbm_thm;
} table_t;

static unsigned refusals;

unsigned fake_refusals(void) { return refusals; }

static int look(const char *key, char *value) {
    const char *path = getenv("FAKE_AMDSMI");
    FILE *file = path ? fopen(path, "r") : NULL;
    char line[LINE];
    size_t length = strlen(key);
    int found = 0;
    while (file && !found && fgets(line, sizeof line, file))
        if (!strncmp(line, key, length) && line[length] == ' ') {
            line[strcspn(line, "\n")] = 0;
            strcpy(value, line + length + 1);
            found = 1;
        }
    if (file) fclose(file);
    return found;
}

static int text_of(handle_t card, const char *name, char *value) {
    char key[LINE];
    snprintf(key, sizeof key, "%ld.%s", (long)card - 1, name);
    if (!look(key, value)) { refusals++; return NOT_SUPPORTED; }
    return *value == '!' ? atoi(value + 1) : OK;
}

static void number(handle_t card, const char *name, uint64_t *out) {
    char value[LINE];
    unsigned before = refusals;
    if (text_of(card, name, value) == OK) *out = strtoull(value, NULL, 10);
    refusals = before;
}

int amdsmi_init(uint64_t flags) {
    char value[LINE];
    (void)flags;
    return look("count", value) ? OK : NOT_INIT;
}

int amdsmi_shut_down(void) { return OK; }

int amdsmi_get_socket_handles(uint32_t *count, handle_t *sockets) {
    char value[LINE];
    if (!look("count", value)) return NOT_INIT;
    *count = (uint32_t)atoi(value) % 64;
    for (uint32_t i = 0; sockets && i < *count; i++) sockets[i] = (handle_t)(long)(i + 1);
    return OK;
}

int amdsmi_get_processor_handles(handle_t socket, uint32_t *count, handle_t *cards) {
    *count = 1;
    if (cards) *cards = socket;
    return OK;
}

int amdsmi_get_gpu_device_bdf(handle_t card, uint64_t *bdf) {
    char value[LINE];
    unsigned bus = 0, device = 0, function = 0;
    int result = text_of(card, "bdf", value);
    if (result != OK) return result;
    sscanf(value, "%x:%x.%x", &bus, &device, &function);
    *bdf = (uint64_t)bus << 8 | device << 3 | function;
    return OK;
}

int amdsmi_get_energy_count(handle_t card, uint64_t *count, float *resolution, uint64_t *time) {
    char value[LINE];
    int result = text_of(card, "energy", value);
    if (result != OK) return result;
    *count = strtoull(value, NULL, 10);
    *resolution = 15.25f; /* microjoules, exact as a float */
    *time = 0;
    return OK;
}

int amdsmi_get_gpu_metrics_info(handle_t card, table_t *table) {
    char value[LINE];
    uint64_t *const links[] = {table->xgmi_read, table->xgmi_write};
    const char *const names[] = {"xgmi_read", "xgmi_write"};
    int result = text_of(card, "table", value);
    if (result != OK) return result;
    memset(table, 0xff, sizeof *table); /* what a card does not tell */
    for (int way = 0; way < 2; way++)
        if (text_of(card, names[way], value) == OK)
            sscanf(value, "%lu %lu", &links[way][0], &links[way][1]);
    number(card, "prochot", &table->prochot);
    number(card, "ppt", &table->ppt);
    number(card, "socket_thm", &table->socket_thm);
    number(card, "vr_thm", &table->vr_thm);
    number(card, "hbm_thm", &table->hbm_thm);
    return OK;
}

#define STUB(name) int name(void) { return NOT_SUPPORTED; }
#include "stubs.h"
