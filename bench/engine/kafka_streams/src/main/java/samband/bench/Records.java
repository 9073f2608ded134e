package samband.bench;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

/**
 * Appointments in and answers out, in Confluent framing.
 *
 * <p>Written on Avro's own decoder and encoder, field by field, with what is not needed passed over: so that Kafka
 * Streams is seen at its best.
 */
final class Records {
    /** What the work needs of an appointment: six of its eleven fields. */
    record Appointment(String eventId, long recorded, Known.Slot slot) {}

    private static final int FRAME = 5;
    private static final byte[] ANSWER_FRAME = ByteBuffer.allocate(FRAME).put((byte) 0).putInt(900_002).array();

    private final ByteArrayOutputStream buffer = new ByteArrayOutputStream(256);
    private BinaryDecoder decoder;
    private BinaryEncoder encoder;

    Appointment read(byte[] data) {
        try {
            decoder = DecoderFactory.get().binaryDecoder(data, FRAME, data.length - FRAME, decoder);
            String eventId = decoder.readString();
            long recorded = decoder.readLong();
            String agency = decoder.readString();
            decoder.skipString(); // system
            String appointment = decoder.readString();
            long start = decoder.readLong();
            long end = decoder.readLong();
            return new Appointment(eventId, recorded, new Known.Slot(start, end, agency, appointment));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    byte[] write(Appointment event, Known.Slot other) {
        try {
            buffer.reset();
            buffer.write(ANSWER_FRAME);
            encoder = EncoderFactory.get().binaryEncoder(buffer, encoder);
            encoder.writeString(event.eventId());
            encoder.writeLong(event.recorded());
            encoder.writeString(event.slot().agency());
            encoder.writeString(event.slot().appointment());
            encoder.writeIndex(other == null ? 0 : 1);
            if (other != null) {
                encoder.writeString(other.agency());
            }
            encoder.writeIndex(other == null ? 0 : 1);
            if (other != null) {
                encoder.writeString(other.appointment());
            }
            encoder.flush();
            return buffer.toByteArray();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
