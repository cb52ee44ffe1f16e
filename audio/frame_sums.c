/* Sums over a call's frames as machine code, made by `make compile`; where it was not made, sums_by_numpy.py does the same.
 *
 * Squares of 16-bit samples are whole numbers that a double holds, up to thousands of frames of them; so their sums are
 * the same in any order, here and in numpy. Only `purity` is rounded, and who asks for it leaves a margin.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#define SPAN 16   /* frames that are weighed together, audio/clean_line.py */
#define BINS 512  /* most frequencies of a spectrum, at 48 kHz 481 */
#define LANES 32  /* frequencies that are followed side by side */

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define EVERY_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define EVERY_PROCESSOR
#endif

EVERY_PROCESSOR static int64_t squares_of(const int16_t *samples, Py_ssize_t count) {
    int64_t sum = 0;
    for (Py_ssize_t n = 0; n < count; n++)
        sum += (int64_t)((int32_t)samples[n] * samples[n]);
    return sum;
}

/* squares(pcm, size): of each `size` bytes. */
static PyObject *method_squares(PyObject *module, PyObject *const *given, Py_ssize_t count) {
    Py_ssize_t size = count == 2 && PyBytes_Check(given[0]) ? PyLong_AsSsize_t(given[1]) : -1;
    if (size <= 0 || size % 2 || PyBytes_GET_SIZE(given[0]) % size) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "squares(pcm, size): whole frames of so many bytes, an even number");
        return NULL;
    }
    const int16_t *samples = (const int16_t *)PyBytes_AS_STRING(given[0]);
    Py_ssize_t frames = PyBytes_GET_SIZE(given[0]) / size;
    PyObject *told = PyList_New(frames);
    for (Py_ssize_t k = 0; told != NULL && k < frames; k++) {
        PyObject *sum = PyFloat_FromDouble((double)squares_of(samples + k * (size / 2), size / 2));
        if (sum == NULL)
            Py_CLEAR(told);
        else
            PyList_SET_ITEM(told, k, sum);
    }
    return told;
}

EVERY_PROCESSOR static void amplify(const int16_t *samples, Py_ssize_t count, float gain, int16_t *louder) {
    for (Py_ssize_t n = 0; n < count; n++) {
        float value = (float)samples[n] * gain;
        value = value < 32767.0f ? value : 32767.0f;
        louder[n] = (int16_t)(value > -32768.0f ? value : -32768.0f);
    }
}

/* amplified(pcm, gain): louder, clipped. */
static PyObject *method_amplified(PyObject *module, PyObject *const *given, Py_ssize_t count) {
    if (count != 2 || !PyBytes_Check(given[0])) {
        PyErr_SetString(PyExc_TypeError, "amplified(pcm, gain)");
        return NULL;
    }
    double gain = PyFloat_AsDouble(given[1]);
    if (PyErr_Occurred())
        return NULL;
    Py_ssize_t size = PyBytes_GET_SIZE(given[0]) / 2 * 2;
    PyObject *louder = PyBytes_FromStringAndSize(NULL, size);
    if (louder != NULL)
        amplify((const int16_t *)PyBytes_AS_STRING(given[0]), size / 2, (float)gain,
                (int16_t *)PyBytes_AS_STRING(louder));
    return louder;
}

/* An array's doubles, which it keeps alive, and their number; NULL and an exception where it is no such thing. */
static double *doubles(PyObject *array, Py_ssize_t *size, int writable) {
    Py_buffer view;
    if (PyObject_GetBuffer(array, &view, writable ? PyBUF_WRITABLE : PyBUF_SIMPLE) < 0)
        return NULL;
    double *start = view.buf;
    *size = view.len / (Py_ssize_t)sizeof(double);
    PyBuffer_Release(&view);
    return start;
}

/* Power at each frequency, by G. Goertzel's recurrence; `turns` are 2 cos of the angle from one sample to the next. */
EVERY_PROCESSOR static void spectrum(const double *sound, Py_ssize_t count, const double *turns, Py_ssize_t bins,
                                     double *power) {
    for (Py_ssize_t first = 0; first < bins; first += LANES) {
        double turn[LANES] = {0}, last[LANES] = {0}, before[LANES] = {0};
        Py_ssize_t lanes = bins - first < LANES ? bins - first : LANES;
        memcpy(turn, turns + first, lanes * sizeof(double));
        for (Py_ssize_t n = 0; n < count; n++)
            for (int k = 0; k < LANES; k++) {
                double now = sound[n] + turn[k] * last[k] - before[k];
                before[k] = last[k];
                last[k] = now;
            }
        for (Py_ssize_t k = 0; k < lanes; k++)
            power[first + k] = last[k] * last[k] + before[k] * before[k] - turn[k] * last[k] * before[k];
    }
}

static double share_of_peak(const double *power, const double *wanted, Py_ssize_t bins) {
    Py_ssize_t peak = 0;
    double total = 0.0, around = 0.0;
    for (Py_ssize_t k = 0; k < bins; k++) {
        total += power[k];
        peak = power[k] > power[peak] ? k : peak;
    }
    double counts = wanted[peak];
    peak = peak < 2 ? 2 : peak > bins - 3 ? bins - 3 : peak;
    for (Py_ssize_t k = peak - 2; k <= peak + 2; k++)
        around += power[k];
    return total > 0.0 ? counts * around / total : 0.0;
}

/* purity(pcm, begin, window, turns, wanted): of the samples from `begin` (bytes) under the window. */
static PyObject *method_purity(PyObject *module, PyObject *const *given, Py_ssize_t count) {
    static double sound[2 * BINS], power[BINS]; /* the interpreter's lock guards them */
    if (count != 5 || !PyBytes_Check(given[0])) {
        PyErr_SetString(PyExc_TypeError, "purity(pcm, begin, window, turns, wanted)");
        return NULL;
    }
    Py_ssize_t begin = PyLong_AsSsize_t(given[1]), size = 0, bins = 0, told = 0;
    const double *window = PyErr_Occurred() ? NULL : doubles(given[2], &size, 0);
    const double *turns = window == NULL ? NULL : doubles(given[3], &bins, 0);
    const double *wanted = turns == NULL ? NULL : doubles(given[4], &told, 0);
    if (wanted == NULL)
        return NULL;
    if (told != bins || begin < 0 || size > 2 * BINS || bins > BINS || bins < 5 || begin + 2 * size > PyBytes_GET_SIZE(given[0])) {
        PyErr_SetString(PyExc_ValueError, "purity: more is asked for than there is");
        return NULL;
    }
    const char *pcm = PyBytes_AS_STRING(given[0]) + begin;
    for (Py_ssize_t n = 0; n < size; n++) {
        int16_t sample;
        memcpy(&sample, pcm + 2 * n, 2);
        sound[n] = sample * window[n];
    }
    spectrum(sound, size, turns, bins, power);
    return PyFloat_FromDouble(share_of_peak(power, wanted, bins));
}

/* What quiet and loud near frames say of each delay, one span on; see `audio.sums_by_numpy`. */
static double weigh(const double *heard, const double *played, double *quiet, double *loud, Py_ssize_t parts,
                    double least, double keeps) {
    double proof = -1.0;
    for (Py_ssize_t part = 0; part < parts; part++) {
        double hushed = 0.0, voiced = 0.0;
        for (int n = 0; n < SPAN; n++)
            *(heard[n] < least ? &hushed : &voiced) += played[part + n];
        quiet[part] = quiet[part] * keeps + hushed;
        loud[part] = loud[part] * keeps + voiced;
    }
    for (Py_ssize_t part = 0; part < parts; part++) {
        if (loud[part] > quiet[part])
            return -1.0;
        proof = part == 0 || quiet[part] < proof ? quiet[part] : proof;
    }
    return proof;
}

/* weigh_delays(far, near, played, sums, limits) -> (what was heard in quiet frames, proof). */
static PyObject *method_weigh_delays(PyObject *module, PyObject *const *given, Py_ssize_t count) {
    double least, hush, keeps;
    if (count != 5 || !PyBytes_Check(given[0]) || !PyBytes_Check(given[1]) || !PyTuple_Check(given[4])) {
        PyErr_SetString(PyExc_TypeError, "weigh_delays(far, near, played, sums, limits)");
        return NULL;
    }
    if (!PyArg_ParseTuple(given[4], "ddd", &least, &hush, &keeps))
        return NULL;
    Py_ssize_t size = PyBytes_GET_SIZE(given[0]) / SPAN, spans = 0, parts = 0;
    double *played = doubles(given[2], &spans, 1);
    double *quiet = played == NULL ? NULL : doubles(given[3], &parts, 1);
    if (quiet == NULL)
        return NULL;
    double *loud = quiet + (parts /= 2);
    if (parts < 1 || spans != parts - 1 + SPAN || size < 2 || PyBytes_GET_SIZE(given[0]) != SPAN * size ||
        PyBytes_GET_SIZE(given[1]) != SPAN * size) {
        PyErr_SetString(PyExc_ValueError, "weigh_delays: 16 frames of both sides, and arrays for their delays");
        return NULL;
    }
    const int16_t *far = (const int16_t *)PyBytes_AS_STRING(given[0]);
    const int16_t *near = (const int16_t *)PyBytes_AS_STRING(given[1]);
    double heard[SPAN], hushed = 0.0;
    memmove(played, played + SPAN, (parts - 1) * sizeof(double));
    for (int n = 0; n < SPAN; n++) {
        played[parts - 1 + n] = (double)squares_of(far + n * (size / 2), size / 2);
        heard[n] = (double)squares_of(near + n * (size / 2), size / 2);
        if (heard[n] < least)
            hushed += heard[n] > hush ? heard[n] : hush;
    }
    return Py_BuildValue("(dd)", hushed, weigh(heard, played, quiet, loud, parts, least, keeps));
}

static PyMethodDef METHODS[] = {
    {"squares", (PyCFunction)(void (*)(void))method_squares, METH_FASTCALL, "See audio.sums_by_numpy."},
    {"amplified", (PyCFunction)(void (*)(void))method_amplified, METH_FASTCALL, "See audio.sums_by_numpy."},
    {"purity", (PyCFunction)(void (*)(void))method_purity, METH_FASTCALL, "See audio.sums_by_numpy."},
    {"weigh_delays", (PyCFunction)(void (*)(void))method_weigh_delays, METH_FASTCALL, "See audio.sums_by_numpy."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, .m_name = "audio.frame_sums", .m_methods = METHODS};

PyMODINIT_FUNC PyInit_frame_sums(void) { return PyModule_Create(&MODULE); }
